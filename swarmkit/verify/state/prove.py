"""All proofs of state, from one look; pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes.absent import absent_nodes
from swarmkit.plan.nodes.plans import rejoining
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.silence import NONE, Silence, first_of
from swarmkit.verify.state.awaited_hosts import awaited_hosts, with_awaited
from swarmkit.verify.state.certificates import prove_certificates
from swarmkit.verify.state.comparison import compare, prove_as_declared
from swarmkit.verify.state.failing import managers_time
from swarmkit.verify.state.leftovers import Remains
from swarmkit.verify.state.nodes import prove_nodes, prove_quorum
from swarmkit.verify.state.services import prove_images, prove_services
from swarmkit.verify.state.untried_networks import untried_networks


def prove_state(
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    cluster: ClusterState,
    live: Live,
    looks: Mapping[str, HostLook],
    silence: Silence = NONE,
) -> Iterator[Finding]:
    """Prove nodes, managers, certificates, services and images, and that nothing is undone or left over."""
    unread_nodes = silent_nodes(inventory, observed, cluster)
    nodes = {facts.engine.node_id: name for name, facts in observed.hosts.items()} | unread_nodes
    unheard = {node: host for node, host in nodes.items() if host in silence.hosts}
    back = rejoining(inventory, observed)
    yield from prove_nodes(inventory, cluster, observed, silence, back.keys())
    yield prove_quorum(cluster, observed, unheard)
    yield from prove_certificates(looks, observed, datetime.datetime.now(tz=datetime.UTC))
    now = managers_time(cluster, observed)
    awaited = awaited_hosts(inventory, observed, cluster, live)
    services = prove_services(live, stack, looks, untried_networks(live, cluster, observed), silence, now)
    yield from (with_awaited(one, awaited) for one in services)
    yield from prove_images(live, looks, observed)
    returning = {node.id: host for host, nodes in back.items() for node in nodes}
    absent = absent_nodes(inventory, observed)
    if unread := [host.name for host in inventory.hosts if host.name not in observed.hosts]:
        yield _not_compared(inventory, unread)
        yield from Remains(
            stack, observed, cluster, Plan(), looks, frozenset(unread_nodes), returning, absent
        ).findings()
        return
    declared = Declared(inventory, stack)
    try:
        plan = compare(declared, observed)
        yield from prove_as_declared(declared, observed, plan)
        yield from Remains(stack, observed, cluster, plan, looks, returning=returning, absent=absent).findings()
    except SwarmkitError as error:
        yield Finding(codes.DECLARED, "error", inventory.cluster, error.what, error.why, error.to_do)


def _not_compared(inventory: Inventory, unread: list[str]) -> Finding:
    """Say that no plan can be made: which images and networks a service gets depends on what each host has."""
    names = ", ".join(unread)
    what = f"what is declared was not compared with what is live: that needs all hosts, and {names} cannot be read"
    return Finding(codes.DECLARED, "warning", inventory.cluster, what, remedy=first_of(unread), follows_from=codes.HOST)
