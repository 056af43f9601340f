"""The planner: declared and observed state in, a plan out. No I/O, no clock: same input, same plan, same text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.data.left_standing import started_refusals
from swarmkit.plan.data.planning import StackData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines.gossip import StartAgent, let_go, start_agents
from swarmkit.plan.logins import for_logins
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.networks.ingress import ingress_refusals, renew_ingress
from swarmkit.plan.networks.ingress_operations import EncryptIngress, TakeUpIngress
from swarmkit.plan.networks.pools import NO_FREE_RANGE, free_pool, pool_refusals
from swarmkit.plan.nodes.absent import absent_nodes, late_leaves, leaving_nodes, staying
from swarmkit.plan.nodes.advertised import advertise_address
from swarmkit.plan.nodes.departures import (
    demotions,
    departure_refusals,
    departure_warnings,
    of_members,
    removals,
    strangers,
)
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.plan.nodes.memberships import CLUSTER_LABEL
from swarmkit.plan.nodes.operations import Promote
from swarmkit.plan.nodes.returning import earlier_nodes, old_nodes, vacate_seats
from swarmkit.plan.nodes.stranded import stranded_refusals, with_services_to_come
from swarmkit.plan.nodes.swarm_operations import AdoptSwarm, InitSwarm, JoinNode, UpdateNode
from swarmkit.plan.nodes.unfinished_joins import forget_unfinished, unfinished
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.networks import StackNetworks
from swarmkit.plan.stacks.order import in_waiting_order
from swarmkit.plan.stacks.planner import StackPlanner
from swarmkit.plan.stacks.spec_diff import Change

INIT = "swarm:init"
MADE_LABEL = "swarmkit.made"
"""On a swarm that swarmkit initialised: only such a swarm is ever dissolved by it."""


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
    members = list(_membership(inventory, seen, pools)) if not refusals else []
    operations: list[Operation] = list(members)
    warnings = [*as_warnings(accepted), *(finding for finding in found if finding.severity == "warning")]
    warnings += [*_warnings_of_files(declared), *_warnings(declared, everyone)]
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


def as_warnings(accepted: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the errors that the operator has accepted by their codes."""
    for finding in accepted:
        yield replace(finding, severity="warning", what=f"{finding.what} (overridden by --override {finding.code})")


def _seats(operations: list[Operation]) -> int:
    """Return how many managers the operations give to the swarm."""
    return sum(isinstance(op, Promote) or (isinstance(op, JoinNode) and op.role == "manager") for op in operations)


def first_manager(inventory: Inventory, observed: Observed) -> str:
    """Return the manager that takes the writes: the one that told of the cluster, else the first declared one."""
    return observed.cluster.told_by if observed.cluster else inventory.managers[0].name


def _pools(inventory: Inventory, observed: Observed) -> tuple[str, ...]:
    if inventory.address_pools:
        return inventory.address_pools
    pool = free_pool(observed)
    return (pool,) if pool else ()


def _membership(inventory: Inventory, observed: Observed, pools: tuple[str, ...]) -> Iterator[Operation]:
    """Yield init, joins and promotions (one manager after another, workers side by side) and node updates."""
    first = inventory.host(first_manager(inventory, observed))
    releases, starts = list(let_go(observed)), list(start_agents(observed))
    yield from releases
    # Nothing joins, or is written, by a manager whose engine is about to go away.
    yield from starts
    freed = {release.step.target: frozenset({release.step.key}) for release in releases}
    before = heard = frozenset(start.step.key for start in starts)
    if observed.cluster is None:
        yield _init(first, inventory, observed, pools, freed.get(first.name, before))
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


def addresses(host: Host, observed: Observed) -> dict[str, str]:
    """Return the addresses of the API's body by which *host* becomes a node."""
    address = advertise_address(host, observed.hosts[host.name]) or host.address
    return {"AdvertiseAddr": address, "DataPathAddr": host.data_path_addr or address, "ListenAddr": "0.0.0.0:2377"}


def _init(
    host: Host, inventory: Inventory, observed: Observed, pools: tuple[str, ...], after: frozenset[str]
) -> InitSwarm:
    body = {
        **addresses(host, observed),
        "DefaultAddrPool": list(pools),
        "SubnetSize": inventory.address_pool_prefix or 24,
        # A draining manager would take tasks until its node is updated otherwise.
        "Availability": host.availability,
        "Spec": {
            "Labels": {CLUSTER_LABEL: inventory.cluster, MADE_LABEL: "true"},
            "EncryptionConfig": {"AutoLockManagers": inventory.autolock},
        },
    }
    if inventory.data_path_port:
        body["DataPathPort"] = inventory.data_path_port
    where = f"advertise {body['AdvertiseAddr']}, data path {body['DataPathAddr']}, pools {', '.join(pools)}"
    step = Step(INIT, "swarm", "create", host.name, "initialise the swarm", f"no swarm yet; {where}", after)
    return InitSwarm(step, body)


def join_node(key: str, host: Host, first: Host, observed: Observed, after: frozenset[str]) -> JoinNode:
    """Return the operation that joins *host* by way of *first*, a manager."""
    body = {
        **addresses(host, observed),
        "RemoteAddrs": [f"{addresses(first, observed)['AdvertiseAddr']}:2377"],
        # The engine's own join would make a draining node active for a moment otherwise.
        "Availability": host.availability,
    }
    reason = f"not in a swarm; advertise {body['AdvertiseAddr']}"
    return JoinNode(Step(key, "node", "create", host.name, f"join as {host.role}", reason, after), host.role, body)


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


def _stranger(node: Node, was: str) -> Finding:
    """Return H52 of a *node* that is no host, or *was* one that is another by now."""
    what, remedy = (
        f"node {node.id[:12]} is not in the inventory",
        "if it has left for good, run again with --remove-nodes",
    )
    if was:
        what = f"node {node.id[:12]} is what {was} was before, and stays listed"
        remedy = f"swarmkit node replace {was} takes it away, and lets {was} take its place"
    return Finding("H52", "warning", node.hostname, what, f"it is {node.state}", remedy)


def _warnings_of_files(declared: Declared) -> Iterator[Finding]:
    """Yield what the files' readers warn of: keys that Docker ignores, and what is taken but likely not meant."""
    stack = declared.stack.warnings if declared.stack else ()
    for said in (*declared.inventory.warnings, *stack):
        place = f"{said.file}:{said.line}:{said.column}" if said.line else said.file
        what = f"{said.path}: {said.what}" if said.path else said.what
        yield Finding(said.code, "warning", place, what, "", said.to_do)


def _warnings(declared: Declared, observed: Observed) -> Iterator[Finding]:
    inventory = declared.inventory
    if observed.cluster is None:
        return
    leaving = _leaving(declared, observed)
    yield from departure_warnings(observed, leaving)
    absent, earlier = absent_nodes(inventory, observed), earlier_nodes(inventory, observed)
    for node in (one for one in strangers(observed) if one not in leaving):
        yield (
            staying(node, absent[node.id], observed) if node.id in absent else _stranger(node, earlier.get(node.id, ""))
        )
    if len(inventory.managers) == 1 and len(inventory.hosts) > 3:
        yield Finding(
            "B07", "warning", "swarm", "one manager: if it is lost, the swarm cannot be managed", "", "declare three"
        )
