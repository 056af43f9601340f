"""Planning what an operator wants of one node: drain, activate, or take the place of one that was wiped; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node, Observed, ServiceState
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.departures import is_replicated, moving_warnings, running_on, volumes_of
from swarmkit.plan.nodes.joins import first_manager, join_node
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.plan.nodes.operations import AwaitEmptied, AwaitReady, RemoveNode, SetAvailability
from swarmkit.plan.nodes.returning import old_nodes, vacate_seats
from swarmkit.plan.nodes.swarm_operations import UpdateNode
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.placement import constraints_of, node_may_run
from swarmkit.plan.stacks.spec_diff import Change

_REBUILD = "with a backup's data: swarmkit rebuild -f STACK --data ARCHIVE --override H52"


def drain_plan(inventory: Inventory, host: Host, observed: Observed) -> Plan:
    """Return the plan that empties *host*; what may run nowhere else is warned of, and not waited for."""
    node, refusals = _member(inventory, host, observed)
    if node is None or refusals or observed.cluster is None:
        return Plan((), tuple(refusals))
    services = [service for service in running_on(observed.cluster, node) if is_replicated(service)]
    others = [other for other in observed.cluster.nodes if other.id != node.id and other.state == "ready"]
    moving = [service for service in services if any(node_may_run(service.spec, other) for other in others)]
    warnings = tuple(_stops(host, service) for service in services if service not in moving)
    warnings += tuple(moving_warnings(observed.cluster, node, host.name))
    operations = list(_set_availability(host, node, "drain"))
    names = tuple(service.name for service in moving)
    what = "wait until what it ran runs elsewhere" if names else "wait until its tasks have ended"
    wait = Step(f"emptied:{host.name}", "node", "wait", host.name, what, ", ".join(names), _keys(operations))
    return Plan((*operations, AwaitEmptied(wait, node.id, names)), (), (*warnings, *_undeclared(host, "drain")))


def _stops(host: Host, service: ServiceState) -> Finding:
    constraints = ", ".join(constraints_of(service.spec))
    why = f"no other node that is ready and active {f'has {constraints}' if constraints else 'is there'}"
    remedy = f"let another host be one, first; else it runs here again after: swarmkit node activate {host.name}"
    return Finding("B35", "warning", host.name, f"service {service.name} may run nowhere else: it stops", why, remedy)


def activate_plan(inventory: Inventory, host: Host, observed: Observed) -> Plan:
    """Return the plan that lets *host* run tasks again; running ones stay where they are."""
    node, refusals = _member(inventory, host, observed)
    if node is None or refusals:
        return Plan((), tuple(refusals))
    return Plan(tuple(_set_availability(host, node, "active")), (), tuple(_undeclared(host, "active")))


def replace_plan(
    inventory: Inventory, host: Host, observed: Observed, *, volumes: Iterable[str], accept_data_loss: bool
) -> Plan:
    """Return the plan by which *host*, wiped or new under an old name, takes the place of its stale node.

    The old entry gives its seat up first, and goes after the new node is ready. A service whose data was in a volume
    that *host* has no more (*volumes* are what it has) stops the plan for a decision.
    """
    refusals = [*host_refusals(inventory, observed, adopt=False), *kernel_refusals(observed)]
    cluster = observed.cluster
    if cluster is None and not refusals:
        refusals = [Finding("H54", "error", "swarm", "no host of the inventory is a manager of a swarm", "",
                            "there is no place to take: run swarmkit up, or restore a backup")]  # fmt: skip
    if refusals or cluster is None:
        return Plan((), tuple(refusals))
    facts = observed.hosts[host.name]
    stale = old_nodes(host, observed)
    refusals = list(_replace_refusals(host, stale, facts.engine.swarm_state == "active"))
    if not accept_data_loss:
        refusals += _lost_data(host, cluster, stale, set(volumes))
    if refusals:
        return Plan((), tuple(refusals))
    operations = tuple(_replacement(inventory, host, observed, stale))
    return Plan(operations, why_nothing=f"{host.name} has its place in the swarm, and no earlier entry")


def _replacement(inventory: Inventory, host: Host, observed: Observed, stale: list[Node]) -> Iterator[Operation]:
    vacated = list(vacate_seats(host.name, stale, frozenset()))
    yield from vacated
    facts, after = observed.hosts[host.name], frozenset(operation.step.key for operation in vacated)
    if facts.engine.swarm_state != "active":
        first = inventory.host(first_manager(inventory, observed))
        yield join_node("join", host, first, observed, after)
        after |= {"join"}
    node = observed.cluster.node(facts.engine.node_id) if observed.cluster else None
    before: dict[str, str] = {}
    for old in stale:
        before |= old.labels
    labels = {**before, **host.labels}
    if any((node.labels if node else {}).get(key) != value for key, value in labels.items()):
        restored = ", ".join(f"{key}={value}" for key, value in labels.items())
        yield UpdateNode(Step("node", "node", "update", host.name, "restore labels", restored, after), labels,
                         host.availability)  # fmt: skip
        after |= {"node"}
    if stale:
        yield AwaitReady(Step("ready", "node", "wait", host.name, "wait until it is ready", "", after))
        after |= {"ready"}
    for old in stale:
        key, what = f"remove:{old.id}", f"remove its old node {old.id[:12]}"
        step = Step(key, "node", "remove", host.name, what, "it is down", after, destructive=True)
        yield RemoveNode(step, old.id, is_down=True)
        after |= {key}


def _replace_refusals(host: Host, stale: list[Node], is_member: bool) -> Iterator[Finding]:  # noqa: FBT001
    if not stale and not is_member:
        yield Finding(
            "H52", "error", host.name, "it takes nobody's place",
            "no node of the swarm has its host name, and none that is down had its address",
            "run swarmkit up: it joins as a new node",
        )  # fmt: skip
    for old in stale:
        if old.state != "down":
            yield Finding(
                "H52", "error", host.name, f"its old node {old.id[:12]} is {old.state}, not down",
                f"address {old.address}", "if the old machine is off, wait until the managers see it as down",
            )  # fmt: skip


def rejoining(inventory: Inventory, observed: Observed) -> dict[str, list[Node]]:
    """Return each host that is in no swarm although nodes of the swarm have its host name, with those nodes."""
    found: dict[str, list[Node]] = {}
    for host in inventory.hosts:
        stale = old_nodes(host, observed) if host.name in observed.hosts else []
        if stale and observed.hosts[host.name].engine.swarm_state == "inactive":
            found[host.name] = stale
    return found


def lost_data(inventory: Inventory, observed: Observed, volumes: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """Yield each service that would start empty on a host which comes back without its volumes, for a decision.

    *volumes* are what the hosts have that are about to join again.
    """
    if observed.cluster is None:
        return
    for name, stale in rejoining(inventory, observed).items():
        decide = f"swarmkit node replace {name} --accept-data-loss, or --override H52"
        for finding in _lost_data(inventory.host(name), observed.cluster, stale, set(volumes[name])):
            yield replace(finding, remedy=f"{_REBUILD}; or start it empty: {decide}")


def _lost_data(host: Host, cluster: ClusterState, stale: list[Node], volumes: set[str]) -> Iterator[Finding]:
    ids = {node.id for node in stale}
    used = {task.service_id for task in cluster.tasks if task.node_id in ids}
    for service in cluster.services:
        lost = [volume for volume in volumes_of(service) if volume not in volumes]
        if service.id in used and lost:
            yield Finding(
                "H52", "error", host.name, f"service {service.name} had its data here, and it is gone",
                f"no volume {', '.join(lost)} on the host",
                f"{_REBUILD}; or start it empty with --accept-data-loss",
            )  # fmt: skip


def _member(inventory: Inventory, host: Host, observed: Observed) -> tuple[Node | None, list[Finding]]:
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=True) if finding.code in ("H49", "H54")]
    node = observed.cluster.node(observed.hosts[host.name].engine.node_id) if observed.cluster else None
    if node is None and not refusals:
        refusals = [Finding("H49", "error", host.name, "it is in no swarm", "", "run swarmkit up")]
    return node, refusals


def _set_availability(host: Host, node: Node, wanted: str) -> Iterator[SetAvailability]:
    if node.availability != wanted:
        change = Change("availability", node.availability, wanted)
        step = Step(f"availability:{host.name}", "node", "update", host.name, f"set {wanted}", "asked for",
                    changes=(change,))  # fmt: skip
        yield SetAvailability(step, node.id, wanted)


def _undeclared(host: Host, wanted: str) -> Iterator[Finding]:
    if host.availability != wanted:
        yield Finding(
            "H52", "warning", host.name, f"the inventory declares it {host.availability}: the next up sets that again",
            host.place, f"to keep it, set swarm_availability: {wanted}",
        )  # fmt: skip


def _keys(operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset(operation.step.key for operation in operations)
