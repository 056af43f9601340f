"""Planning the way down: a stack's objects, and the swarm itself if swarmkit made it; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, ClusterState, Observed
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.networks.lan_removal import LiveLans, live_lans, remove_lans
from swarmkit.plan.nodes.joins import MADE_LABEL
from swarmkit.plan.nodes.leaving import LeaveSwarm
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.gone import AwaitGone
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.plan.stacks.removal import remove_object


def make_teardown_plan(
    inventory: Inventory, stack: str, observed: Observed, *, volumes: dict[str, list[str]], keep_swarm: bool
) -> Plan:
    """Return the plan that removes *stack* and, unless kept or foreign, the swarm; *volumes* by host are removed too.

    A swarm that swarmkit did not make, or that runs other stacks' services, stays.
    """
    cluster = observed.cluster
    refusals = tuple(
        finding for finding in host_refusals(inventory, observed, adopt=True) if finding.code in ("H49", "H54")
    )
    if refusals:
        return Plan((), refusals)
    lans = live_lans(cluster, observed, stack)
    operations = list(_stack(cluster, stack, lans)) if cluster else []
    operations += remove_lans(lans, "part of the stack", frozenset({"gone"}))
    warnings: list[Finding] = []
    gone = frozenset({"gone"})
    if cluster is None or operations or volumes:
        services = [op for op in operations if op.step.subject == "service"]
        wait = Step("gone", "service", "wait", stack, "wait until its containers are gone", "", _keys(services))
        others = [op for op in operations if op.step.subject != "service"]
        operations = [*services, AwaitGone(wait, stack), *others]
    operations += [_volume(host, name, gone) for host, names in volumes.items() for name in names]
    if cluster and not keep_swarm:
        reason = _why_swarm_stays(cluster, stack)
        if reason:
            warnings.append(Finding("H64", "warning", "swarm", f"the swarm stays: {reason}"))
        else:
            operations += _leave(inventory, observed, _keys(operations))
    if not any(op.step.verb != "wait" for op in operations):
        operations = []
    return Plan(tuple(operations), (), tuple(warnings))


def _keys(operations: list[Operation]) -> frozenset[str]:
    return frozenset(operation.step.key for operation in operations)


def _stack(cluster: ClusterState, stack: str, lans: LiveLans) -> Iterator[Operation]:
    for service in cluster.services:
        if service.stack == stack:
            yield remove_object("services", service.name, service.id, "part of the stack", frozenset())
    gone = frozenset({"gone"})
    for network in cluster.networks:
        # A manager that runs a task on a LAN network shows it with the labels of its part.
        if network.labels.get(STACK_LABEL) == stack and network not in lans.networks:
            yield remove_object("networks", network.name, network.id, "part of the stack", gone)
    for secret in cluster.secrets:
        if secret.labels.get(STACK_LABEL) == stack:
            yield remove_object("secrets", secret.name, secret.id, "part of the stack", gone)
    for config in cluster.configs:
        if config.labels.get(STACK_LABEL) == stack:
            yield remove_object("configs", config.name, config.id, "part of the stack", gone)


def _volume(host: str, name: str, after: frozenset[str]) -> RemoveObject:
    key = f"remove:volume:{host}:{name}"
    step = Step(
        key, "volume", "remove", host, f"remove volume {name} and its data", "asked for", after, destructive=True
    )
    return RemoveObject(step, "volumes", name, host)


def _why_swarm_stays(cluster: ClusterState, stack: str) -> str:
    if cluster.labels.get(MADE_LABEL) != "true":
        return "swarmkit did not make it"
    others = sorted({service.name for service in cluster.services if service.stack != stack})
    return f"other services run on it: {', '.join(others)}" if others else ""


def _leave(inventory: Inventory, observed: Observed, after: frozenset[str]) -> Iterator[Operation]:
    """Yield the departures: workers side by side, then the managers one after another, the telling one last."""
    told_by = observed.cluster.told_by if observed.cluster else ""
    members = [host for host in inventory.hosts if observed.hosts[host.name].engine.swarm_state == "active"]
    managers = [host.name for host in members if observed.hosts[host.name].engine.is_manager]
    before = after
    for host in members:
        if host.name not in managers:
            before |= {f"leave:{host.name}"}
            yield LeaveSwarm(_leave_step(host.name, after), host.name)
    for name in sorted(managers, key=lambda name: name == told_by):
        yield LeaveSwarm(_leave_step(name, before), name)
        before |= {f"leave:{name}"}


def _leave_step(host: str, after: frozenset[str]) -> Step:
    return Step(f"leave:{host}", "node", "remove", host, "leave the swarm", "", after, destructive=True)
