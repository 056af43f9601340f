"""Planning how nodes lose a role or leave: what they run moves first, managers go one after another; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node, Observed, ServiceState
from swarmkit.observed.task_states import ENDED
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.nodes.leaving import LeaveSwarm
from swarmkit.plan.nodes.operations import AwaitEmptied, Demote, RemoveNode, SetAvailability
from swarmkit.plan.nodes.quorum import Quorum, quorum_of
from swarmkit.plan.nodes.unfinished_joins import unfinished
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.spec_diff import Change


def strangers(observed: Observed) -> tuple[Node, ...]:
    """Return the nodes that no host of the inventory is, managers last; without entries that never were nodes."""
    if observed.cluster is None:
        return ()
    known = {facts.engine.node_id for facts in observed.hosts.values()} | {node.id for node in unfinished(observed)}
    return tuple(sorted((n for n in observed.cluster.nodes if n.id not in known), key=lambda n: n.role == "manager"))


def of_members(inventory: Inventory, observed: Observed, *, but: str = "") -> Observed:
    """Return *observed* without the hosts that shall leave, *but* one: no rule for a node is one for them."""
    leaving = {host.name for host in inventory.leaving} - {but}
    return replace(observed, hosts={name: facts for name, facts in observed.hosts.items() if name not in leaving})


def demotions(inventory: Inventory, observed: Observed, before: Iterable[Operation]) -> Iterator[Demote]:
    """Yield a demotion for each manager declared a worker, after *before*; the one that takes the writes is the last.

    So the seats are taken before others are given up, and no write is under way by a manager that is none any more.
    """
    cluster = observed.cluster
    after = _keys(before)
    hosts = [host for host in inventory.workers if _is_manager(cluster, observed.hosts[host.name].engine.node_id)]
    for host in sorted(hosts, key=lambda host: cluster is not None and host.name == cluster.told_by):
        step = Step(
            f"demote:{host.name}", "node", "update", host.name, "demote to worker", "differs from the inventory",
            after, (Change("role", "manager", "worker"),),
        )  # fmt: skip
        yield Demote(step, observed.hosts[host.name].engine.node_id)
        after |= {step.key}


def removals(
    observed: Observed, leaving: Iterable[Node], hosts: Mapping[str, str], before: Iterable[Operation]
) -> Iterator[Operation]:
    """Yield for each of *leaving*, one after another: drain, wait, demote, leave, remove; all of it after *before*.

    *hosts* are those that the inventory has absent, by node id: one that still is that node is told to leave.
    """
    after = _keys(before)
    for node in leaving:
        for operation in _removal(observed, node, hosts.get(node.id, ""), after):
            yield operation
            after |= {operation.step.key}


def _removal(observed: Observed, node: Node, host: str, after: frozenset[str]) -> Iterator[Operation]:
    name = host or node.hostname
    is_down = node.state == "down"
    can_leave = host in observed.hosts and observed.hosts[host].engine.node_id == node.id
    why = "the inventory has it absent" if host else "it left the inventory"
    if not is_down:
        if node.availability != "drain":
            key = f"drain:{node.id}"
            change = (Change("availability", node.availability, "drain"),)
            step = Step(key, "node", "update", name, "drain", why, after, change)
            yield SetAvailability(step, node.id, "drain")
            after |= {key}
        services = tuple(service.name for service in running_on(observed.cluster, node) if is_replicated(service))
        key = f"emptied:{node.id}"
        step = Step(key, "node", "wait", name, "wait until what it ran runs elsewhere", ", ".join(services), after)
        yield AwaitEmptied(step, node.id, services)
        after |= {key}
    if node.role == "manager":
        key = f"demote:{node.id}"
        yield Demote(Step(key, "node", "update", name, "demote to worker", why, after), node.id)
        after |= {key}
    if can_leave:
        key = f"leave:{node.id}"
        yield LeaveSwarm(Step(key, "node", "remove", name, "leave the swarm", why, after, destructive=True), host)
        after |= {key}
    reason = f"it is down and {why.removeprefix('it ')}" if is_down else why
    step = Step(
        f"remove:{node.id}", "node", "remove", name, f"remove node {node.id[:12]}", reason, after, destructive=True
    )
    yield RemoveNode(step, node.id, is_down, has_left=can_leave)


def departure_refusals(
    observed: Observed, leaving: tuple[Node, ...], demoted: Iterable[str], *, joining: int
) -> Iterator[Finding]:
    """Yield the step at which the quorum would be lost, once *joining* managers have come."""
    cluster = observed.cluster
    if cluster is None:
        return
    quorum = quorum_of(cluster.nodes).plus(joining)
    going = [*(node for node in cluster.nodes if node.id in set(demoted)), *leaving]
    for node in going:
        if node.reachability:
            quorum = quorum.without(node)
            if not quorum.holds:
                yield _quorum_lost(node, quorum)
                return


def departure_warnings(observed: Observed, leaving: Iterable[Node]) -> Iterator[Finding]:
    """Yield each service whose data stays behind in a volume of a node that leaves."""
    for node in leaving:
        for service in running_on(observed.cluster, node):
            volumes = local_volumes_of(service)
            if volumes:
                yield Finding(
                    "H52", "warning", node.hostname, f"data of service {service.name} stays behind on this host",
                    f"volume {', '.join(volumes)}", "bring it to the host where the service will run, first",
                )  # fmt: skip


def moving_warnings(cluster: ClusterState, node: Node, host: str) -> Iterator[Finding]:
    """Yield each service that may start elsewhere, without its data, while *host*, which is *node*, is away."""
    others = [other for other in cluster.nodes if other.id != node.id and other.state == "ready"]
    for service in filter(is_replicated, running_on(cluster, node)):
        volumes = local_volumes_of(service)
        if volumes and any(node_may_run(service.spec, other) for other in others):
            yield Finding(
                "H52", "warning", host,
                f"service {service.name} may start on another host, and its data stays behind on this one",
                f"volume {', '.join(volumes)}; there it starts empty, and does not come back by itself",
                "let it run on this host alone, first: deploy.placement.constraints, then swarmkit up",
            )  # fmt: skip


def local_volumes_of(service: ServiceState) -> list[str]:
    """Return those of its named volumes whose data is on the host: neither a plugin's nor mounted from a server."""
    mounts = service.spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or ()
    shared = {str(mount.get("Source")) for mount in mounts if _is_shared(mount.get("VolumeOptions") or {})}
    return [name for name in volumes_of(service) if name not in shared]


def _is_shared(options: Mapping[str, Any]) -> bool:
    driver = options.get("DriverConfig") or {}
    kind = str((driver.get("Options") or {}).get("type", ""))
    return driver.get("Name", "local") not in ("", "local") or kind.startswith(("nfs", "cifs"))


def volumes_of(service: ServiceState) -> list[str]:
    """Return the named volumes a service mounts: its data, on the host where it runs."""
    mounts = service.spec["TaskTemplate"]["ContainerSpec"].get("Mounts") or ()
    return [str(mount["Source"]) for mount in mounts if mount.get("Type") == "volume" and mount.get("Source")]


def _quorum_lost(node: Node, quorum: Quorum) -> Finding:
    return Finding(
        "H53", "error", node.hostname, "without it as a manager the quorum would be lost", str(quorum),
        "bring the other managers back, or add managers, first",
    )  # fmt: skip


def running_on(cluster: ClusterState | None, node: Node) -> list[ServiceState]:
    """Return the services that have a task on *node* which has not ended."""
    tasks = cluster.tasks if cluster else ()
    ids = {task.service_id for task in tasks if task.node_id == node.id and task.state not in ENDED}
    return [service for service in (cluster.services if cluster else ()) if service.id in ids]


def is_replicated(service: ServiceState) -> bool:
    """Tell whether *service* has a number of tasks, which move; a global one has one on each node."""
    return "Global" not in (service.spec.get("Mode") or {})


def _is_manager(cluster: ClusterState | None, node_id: str) -> bool:
    node = cluster.node(node_id) if cluster else None
    return node is not None and node.role == "manager"


def _keys(operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset(operation.step.key for operation in operations)
