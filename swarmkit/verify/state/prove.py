"""All proofs of state, from one look; pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping

from swarmkit.declared.host import Inventory
from swarmkit.declared.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.declaration import Declared
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.look import HostLook
from swarmkit.verify.state.certificates import prove_certificates
from swarmkit.verify.state.comparison import compare, prove_as_declared
from swarmkit.verify.state.leftovers import Remains
from swarmkit.verify.state.nodes import prove_nodes, prove_quorum
from swarmkit.verify.state.services import prove_images, prove_services


def prove_state(
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    cluster: ClusterState,
    live: Live,
    looks: Mapping[str, HostLook],
) -> Iterator[Finding]:
    """Prove nodes, managers, certificates, services and images, and that nothing is undone or left over."""
    yield from prove_nodes(inventory, cluster, observed)
    yield prove_quorum(cluster)
    yield from prove_certificates(looks, observed, datetime.datetime.now(tz=datetime.UTC))
    yield from prove_services(live, stack)
    yield from prove_images(live, looks, observed)
    declared = Declared(inventory, stack)
    try:
        plan = compare(declared, observed)
        yield from prove_as_declared(declared, observed, plan)
        yield from Remains(stack, observed, cluster, plan, looks).findings()
    except SwarmkitError as error:
        yield Finding(codes.DECLARED, "error", inventory.cluster, error.what, error.why, error.to_do)
