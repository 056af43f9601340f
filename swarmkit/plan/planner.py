"""The planner: declared and observed state in, a plan out. No I/O, no clock: same input, same plan, same text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.data.left_standing import started_refusals
from swarmkit.plan.data.planning import StackData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines.gossip import StartAgent
from swarmkit.plan.logins import for_logins
from swarmkit.plan.model import Operation, Plan
from swarmkit.plan.networks.ingress import ingress_refusals
from swarmkit.plan.networks.ingress_operations import EncryptIngress, TakeUpIngress
from swarmkit.plan.networks.pools import NO_FREE_RANGE, free_pool, pool_refusals
from swarmkit.plan.nodes.absent import absent_nodes, late_leaves, leaving_nodes
from swarmkit.plan.nodes.departures import (
    demotions,
    departure_refusals,
    of_members,
    removals,
    strangers,
)
from swarmkit.plan.nodes.joins import INIT, first_manager
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.plan.nodes.operations import Promote
from swarmkit.plan.nodes.planner import membership
from swarmkit.plan.nodes.stranded import stranded_refusals, with_services_to_come
from swarmkit.plan.nodes.swarm_operations import JoinNode
from swarmkit.plan.nodes.unfinished_joins import forget_unfinished, unfinished
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.networks import StackNetworks
from swarmkit.plan.stacks.order import in_waiting_order
from swarmkit.plan.stacks.planner import StackPlanner
from swarmkit.plan.warnings import as_warnings, warnings_of_files, warnings_of_nodes


def make_plan(declared: Declared, observed: Observed, found: Sequence[Finding] = ()) -> Plan:
    """Return the plan that turns *observed* into *declared*; with refusals, it has no operations.

    *found* are findings of the doctor: its errors refuse, its warnings are shown.
    """
    inventory = declared.inventory
    everyone, observed = observed, of_members(declared.inventory, observed)
    pools = _pools(inventory, observed)
    refusals = _refusals(declared, observed, pools)
    refusals = list(dict.fromkeys([*refusals, *(finding for finding in found if finding.severity == "error")]))
    accepted = [finding for finding in refusals if finding.code in declared.overridden]
    refusals = [finding for finding in refusals if finding.code not in declared.overridden]
    # Whoever takes the writes may be about to leave.
    seen = of_members(inventory, everyone, but=first_manager(inventory, everyone))
    members = list(membership(inventory, seen, pools)) if not refusals else []
    operations: list[Operation] = list(members)
    warnings = [*as_warnings(accepted), *(finding for finding in found if finding.severity == "warning")]
    warnings += [*warnings_of_files(declared)]
    warnings += warnings_of_nodes(inventory, everyone, _leaving(declared, everyone))
    specs: Mapping[str, Mapping[str, Any]] = {}
    if declared.stack is not None and not refusals:
        ready = frozenset({INIT}) if observed.cluster is None else frozenset[str]()
        ready |= {op.step.key for op in members if isinstance(op, (EncryptIngress, TakeUpIngress, StartAgent))}
        planner = StackPlanner(
            inventory=inventory,
            stack=declared.stack,
            observed=observed,
            archives=declared.archives,
            prune=declared.prune,
            networks=StackNetworks(inventory, declared.stack, observed, declared.recreate_networks, ready),
            swarm_ready=ready,
            node_keys={op.step.target: op.step.key for op in members if op.step.key.startswith("node:")},
            data=StackData(declared.stack, declared.data, observed, refusals, warnings),
            logins=declared.logins,
        )
        operations += planner.operations()
        if observed.cluster is not None and planner.data.waiting:
            operations = joining_after(operations, planner.data.waiting)
        refusals += planner.refusals
        warnings += planner.warnings
        specs = planner.specs
    if not refusals:
        leaving, absent = _leaving(declared, everyone), absent_nodes(inventory, everyone)
        demoted = list(demotions(inventory, observed, operations))
        then = with_services_to_come(everyone, operations, specs)
        refusals += list(
            departure_refusals(observed, leaving, [one.node_id for one in demoted], joining=_seats(operations))
        ) or stranded_refusals(inventory, then, leaving, absent)
        operations += demoted
        operations += list(removals(then, leaving, absent, operations))
        operations += list(late_leaves(inventory, everyone))
        operations += list(forget_unfinished(unfinished(observed)))
    told_by = observed.cluster.told_by if observed.cluster else ""
    shown = for_logins(warnings, inventory, told_by)
    if refusals:
        return Plan((), for_logins(refusals, inventory, told_by), shown, tuple(operations))
    return Plan(tuple(operations), (), shown)


def _refusals(declared: Declared, observed: Observed, pools: tuple[str, ...]) -> list[Finding]:
    """Return why the hosts cannot become the nodes that are declared, whatever shall run on them."""
    inventory, cluster = declared.inventory, observed.cluster
    refusals = [*host_refusals(inventory, observed, adopt=declared.adopt), *kernel_refusals(observed)]
    if cluster is None:
        refusals += pool_refusals(pools, observed)
        if not pools:
            refusals.append(NO_FREE_RANGE)
    refusals += ingress_refusals(inventory, cluster)
    if cluster is not None and declared.data is None:
        joins = any(host.engine.swarm_state == "inactive" for host in observed.hosts.values())
        refusals += started_refusals(cluster, declared.stack.name if declared.stack else "", joins=joins)
    return refusals


def with_found(plan: Plan, declared: Declared, observed: Observed, found: Sequence[Finding]) -> Plan:
    """Return what `make_plan` makes with *found*, of the *plan* that it made before kernels and findings were known.

    Warnings alone change what is shown, and no more: to plan a large stack again takes a twentieth of the whole time.
    """
    refuses = any(finding.severity == "error" for finding in found) or any(kernel_refusals(observed))
    if refuses or (found and declared.overridden):
        return make_plan(declared, observed, found)
    told_by = observed.cluster.told_by if observed.cluster else ""
    more = [finding for finding in found if finding.severity == "warning"]
    return replace(plan, warnings=(*for_logins(more, declared.inventory, told_by), *plan.warnings))


def _leaving(declared: Declared, observed: Observed) -> tuple[Node, ...]:
    """Return the nodes that go, managers last: of hosts that shall be absent, and all strangers where that is asked."""
    absent = leaving_nodes(declared.inventory, observed)
    others = strangers(of_members(declared.inventory, observed))
    return tuple(node for node in others if declared.remove_nodes or node.id in absent)


def joining_after(operations: Iterable[Operation], waiting: Mapping[str, frozenset[str]]) -> list[Operation]:
    """Return *operations* with each host's join after what is *waiting* for it: a living swarm starts tasks with it."""

    def after(operation: Operation) -> Operation:
        if not isinstance(operation, JoinNode) or operation.step.target not in waiting:
            return operation
        step = operation.step
        return replace(operation, step=replace(step, after=step.after | waiting[step.target]))

    return in_waiting_order([after(operation) for operation in operations])


def _seats(operations: list[Operation]) -> int:
    """Return how many managers the operations give to the swarm."""
    return sum(isinstance(op, Promote) or (isinstance(op, JoinNode) and op.role == "manager") for op in operations)


def _pools(inventory: Inventory, observed: Observed) -> tuple[str, ...]:
    if inventory.address_pools:
        return inventory.address_pools
    pool = free_pool(observed)
    return (pool,) if pool else ()
