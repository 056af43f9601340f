"""What makes the declared hosts nodes of the swarm, with their roles, labels and availability; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.engines.gossip import let_go, start_agents
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.ingress import renew_ingress
from swarmkit.plan.nodes.joins import INIT, first_manager, init_swarm, join_node
from swarmkit.plan.nodes.memberships import CLUSTER_LABEL
from swarmkit.plan.nodes.operations import Promote
from swarmkit.plan.nodes.returning import old_nodes, vacate_seats
from swarmkit.plan.nodes.swarm_operations import AdoptSwarm, UpdateNode
from swarmkit.plan.stacks.spec_diff import Change


def membership(inventory: Inventory, observed: Observed, pools: tuple[str, ...]) -> Iterator[Operation]:
    """Yield init, joins and promotions (one manager after another, workers side by side) and node updates."""
    first = inventory.host(first_manager(inventory, observed))
    releases, starts = list(let_go(observed)), list(start_agents(observed))
    yield from releases
    # Nothing joins, or is written, by a manager whose engine is about to go away.
    yield from starts
    freed = {release.step.target: frozenset({release.step.key}) for release in releases}
    before = heard = frozenset(start.step.key for start in starts)
    if observed.cluster is None:
        yield init_swarm(first, inventory, observed, pools, freed.get(first.name, before))
        before = frozenset({INIT})
    elif CLUSTER_LABEL not in observed.cluster.labels:
        reason = "made by others, the inventory's from now on"
        labels = {CLUSTER_LABEL: inventory.cluster}
        step = Step("swarm:adopt", "swarm", "update", first.name, "label the swarm as ours", reason, heard)
        yield AdoptSwarm(step, labels)
    for operation in renew_ingress(inventory, observed, first.name, before):
        yield operation
        # A node that joins meanwhile would get the old one for a moment.
        before |= {operation.step.key}
    last_manager = before
    for host in (*inventory.managers, *inventory.workers):
        joined = before if host is first else heard
        if host is not first and observed.hosts[host.name].engine.swarm_state not in ("inactive", "active"):
            # Accepted by --override: such an engine takes no request to join.
            continue
        if host is not first and observed.hosts[host.name].engine.swarm_state != "active":
            key, after = f"join:{host.name}", last_manager if host.role == "manager" else before
            after |= freed.get(host.name, frozenset())
            for vacated in vacate_seats(host.name, old_nodes(host, observed), after):
                yield vacated
                after |= {vacated.step.key}
            yield join_node(key, host, first, observed, after)
            joined = frozenset({key})
            last_manager = joined if host.role == "manager" else last_manager
        elif _is_live_worker(host, observed):
            key = f"promote:{host.name}"
            yield _promote(key, host, observed, last_manager)
            # What is written beside it of the same node would write its old role too.
            last_manager = joined = frozenset({key})
        yield from _update_node(host, observed, joined)


def _is_live_worker(host: Host, observed: Observed) -> bool:
    """Tell whether *host* is declared a manager and is a worker."""
    node = observed.cluster.node(observed.hosts[host.name].engine.node_id) if observed.cluster else None
    return host.role == "manager" and node is not None and node.role == "worker"


def _promote(key: str, host: Host, observed: Observed, after: frozenset[str]) -> Promote:
    change = (Change("role", "worker", "manager"),)
    reason = "differs from the inventory"
    step = Step(key, "node", "update", host.name, "promote to manager", reason, after, change)
    return Promote(step, observed.hosts[host.name].engine.node_id)


def _update_node(host: Host, observed: Observed, joined: frozenset[str]) -> Iterator[UpdateNode]:
    node = observed.cluster.node(observed.hosts[host.name].engine.node_id) if observed.cluster else None
    changes = _node_changes(host, node)
    if changes:
        labels = ", ".join(f"{key}={value}" for key, value in host.labels.items())
        summary = "set " + ", ".join(sorted({change.path.split(".")[0] for change in changes}))
        reason = labels if node is None else "differs from the inventory"
        step = Step(f"node:{host.name}", "node", "update", host.name, summary, reason, joined, changes if node else ())
        yield UpdateNode(step, dict(host.labels), host.availability)


def _node_changes(host: Host, node: Node | None) -> tuple[Change, ...]:
    live_labels = node.labels if node else {}
    changes = [
        Change(f"labels.{key}", live_labels.get(key, ""), value)
        for key, value in host.labels.items()
        if live_labels.get(key) != value
    ]
    if node and node.availability != host.availability:
        changes.append(Change("availability", node.availability, host.availability))
    return tuple(changes)
