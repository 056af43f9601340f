"""Choosing the manager whose engine a backup stops: the one that is missed least; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.model import ClusterState, Node, Observed
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.departures import running_on, volumes_of
from swarmkit.plan.nodes.quorum import quorum_of
from swarmkit.plan.states.operations import TakenState, TakeState

TAKE_STATE = "backup:state"
_DEFAULT_GRACE = 10_000_000_000
"""Nanoseconds that Docker gives a container without a stop_grace_period."""


def take_state(
    inventory: Inventory,
    observed: Observed,
    cluster: ClusterState,
    after: frozenset[str],
    sink: Callable[[TakenState], None],
) -> TakeState:
    """Return the operation that takes the state, which says whose tasks stop for it."""
    managers = list(_managers(inventory, observed, cluster))
    host, node = min(managers, key=lambda pair: _cost(cluster, pair[1]))
    reason = "its engine is stopped for the copy"
    if tasks := _tasks_on(cluster, node):
        names = {service.id: service.name for service in cluster.services}
        said = sorted(names.get(service, service) + (f" ({n} tasks)" if n > 1 else "") for service, n in tasks.items())
        reason += f"; these on it stop, within {_grace(cluster, node):g} s, and start again: {', '.join(said)}"
    left = quorum_of(cluster.nodes).managers - 1
    if left <= 1:  # of two managers one is no majority
        reason += f"; no {'' if left else 'other '}manager takes requests meanwhile"
    return TakeState(Step(TAKE_STATE, "swarm", "update", host.name, "copy its state", reason, after), sink)


def _managers(inventory: Inventory, observed: Observed, cluster: ClusterState) -> Iterator[tuple[Host, Node]]:
    for host in inventory.hosts:
        node = cluster.node(observed.hosts[host.name].engine.node_id)
        if node and node.reachability == "reachable":
            yield host, node


def _cost(cluster: ClusterState, node: Node) -> tuple[int, int, bool]:
    """Return how many services with data, how many tasks, and whether the leader, would stop with *node*'s engine."""
    with_data = sum(bool(volumes_of(service)) for service in running_on(cluster, node))
    return with_data, _tasks_on(cluster, node).total(), node.is_leader


def _grace(cluster: ClusterState, node: Node) -> float:
    """Return how long the engine waits at most for the node's tasks to end before it stops itself."""
    running = _tasks_on(cluster, node)
    specs = [service.spec["TaskTemplate"]["ContainerSpec"] for service in cluster.services if service.id in running]
    return max((spec.get("StopGracePeriod", _DEFAULT_GRACE) / 1e9 for spec in specs), default=_DEFAULT_GRACE / 1e9)


def _tasks_on(cluster: ClusterState, node: Node) -> Counter[str]:
    """Return how many running tasks each service, by its ID, has on *node*."""
    return Counter(task.service_id for task in cluster.tasks if task.node_id == node.id and task.state == "running")
