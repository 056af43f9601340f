"""Planning a backup of a swarm's state, and its way back onto a bare or broken manager; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from swarmkit.declared.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node, Observed
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.planner import INIT, addresses
from swarmkit.plan.quorum import quorum_of
from swarmkit.plan.recovery_operations import ForceNewCluster, RemoveOldManagers
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.state_operations import PutState, TakenState, TakeState
from swarmkit.secret import Secret

STATE_STEP = f"{INIT}:state"


def backup_plan(inventory: Inventory, observed: Observed, sink: Callable[[TakenState], None]) -> Plan:
    """Return the plan that copies the state of the manager whose short absence costs least."""
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=True) if finding.code in ("H49", "H54")]
    cluster = observed.cluster
    if cluster is None and not refusals:
        refusals = [Finding("H54", "error", "swarm", "no host of the inventory is a manager of a swarm")]
    if refusals or cluster is None:
        return Plan((), tuple(refusals))
    quorum = quorum_of(cluster.nodes)
    if quorum.managers > 1 and quorum.reachable - 1 < quorum.needed:
        why = f"{quorum}: none may be stopped for the copy"
        return Plan((), (Finding("H54", "error", "swarm", why, "", "bring the other managers back first"),))
    host, node = min(_managers(inventory, observed, cluster), key=lambda pair: _cost(cluster, pair[1]))
    tasks = _tasks_on(cluster, node)
    reason = "its engine is stopped for the copy"
    if tasks:
        reason += f"; {tasks} tasks on it stop and start again"
    if quorum.managers == 1:
        reason += "; no other manager takes requests meanwhile"
    return Plan((TakeState(Step("backup:state", "swarm", "update", host.name, "copy its state", reason), sink),))


def _managers(inventory: Inventory, observed: Observed, cluster: ClusterState) -> Iterator[tuple[Host, Node]]:
    for host in inventory.hosts:
        node = cluster.node(observed.hosts[host.name].engine.node_id)
        if node and node.reachability == "reachable":
            yield host, node


def _cost(cluster: ClusterState, node: Node) -> tuple[int, bool]:
    return _tasks_on(cluster, node), node.is_leader


def _tasks_on(cluster: ClusterState, node: Node) -> int:
    return sum(task.node_id == node.id and task.state == "running" for task in cluster.tasks)


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself, and its state."""

    cluster: str
    cluster_id: str
    host: str
    advertise_addr: str
    engine_version: str
    made_at: str
    state: bytes = field(repr=False)
    unlock_key: Secret


def restore_plan(
    inventory: Inventory,
    backup: Backup,
    observed: Observed,
    raft: Mapping[str, RaftFacts],
    silent: Mapping[str, str],
    *,
    lost: Collection[str],
    aside: str,
) -> Plan:
    """Return the plan that lets the backup's manager go on from it; refused while any manager may be alive."""
    refusals = list(_refusals(inventory, backup, observed, raft, silent, lost))
    if refusals:
        return Plan((), tuple(refusals))
    host = inventory.host(backup.host)
    put = Step(
        STATE_STEP, "swarm", "update", host.name, "put the backup's state in place",
        f"of {backup.made_at}; what is there is kept as {aside}", destructive=True,
    )  # fmt: skip
    force = Step(
        INIT, "swarm", "update", host.name, "go on alone with it: force a new cluster", "", frozenset({STATE_STEP}),
        destructive=True,
    )  # fmt: skip
    remove = Step(
        "recover:old-managers", "node", "remove", host.name,
        "remove the entries of the managers that are no members any more", "they join again", frozenset({INIT}),
        destructive=True,
    )  # fmt: skip
    body = {**addresses(host, observed), "ForceNewCluster": True}
    operations: tuple[Operation, ...] = (
        PutState(put, backup.state, aside, backup.unlock_key),
        ForceNewCluster(force, body, backup.cluster_id),
        RemoveOldManagers(remove, after_force=True),
    )
    warning = Finding(
        "H54", "warning", "swarm", f"what was declared after {backup.made_at} is lost",
        "services, secrets, configs, networks and nodes of then; volumes are not touched",
        "compare with swarmkit plan -f STACK afterwards",
    )  # fmt: skip
    return Plan(operations, (), (warning,))


def _refusals(
    inventory: Inventory,
    backup: Backup,
    observed: Observed,
    raft: Mapping[str, RaftFacts],
    silent: Mapping[str, str],
    lost: Collection[str],
) -> Iterator[Finding]:
    if backup.cluster != inventory.cluster:
        yield Finding(
            "H49", "error", "swarm", f"the backup is of cluster '{backup.cluster}', not of '{inventory.cluster}'",
            "", "check swarm_cluster and the file",
        )  # fmt: skip
    for host in inventory.managers:
        if host.name in silent and host.name not in lost and host.name != backup.host:
            yield Finding(
                "H54", "error", host.name, "does not answer, and may be a manager that lives", silent[host.name],
                f"bring it back; if it is off for good: --lost {host.name}",
            )  # fmt: skip
    for name, facts in raft.items():
        same = facts.cluster_id == backup.cluster_id
        yield Finding(
            "H54", "error", name, "is a manager that lives" if same else "is a manager of another swarm",
            f"cluster {facts.cluster_id}",
            "a swarm that lost its quorum: swarmkit recover quorum; one that answers needs no backup" if same
            else "check the inventory",
        )  # fmt: skip
    yield from _target_refusals(inventory, backup, observed, silent)


def _target_refusals(
    inventory: Inventory, backup: Backup, observed: Observed, silent: Mapping[str, str]
) -> Iterator[Finding]:
    facts = observed.hosts.get(backup.host)
    if facts is None:
        known = backup.host in [host.name for host in inventory.hosts]
        yield Finding(
            "H54", "error", backup.host, "the backup is of this host, and it does not answer" if known
            else "the backup is of this host, which is not in the inventory",
            silent.get(backup.host, ""), "a new machine under its name and address will do",
        )  # fmt: skip
        return
    if facts.engine.swarm_state not in ("inactive", "error"):
        yield Finding(
            "H49", "error", backup.host, f"its swarm state is {facts.engine.swarm_state}", facts.engine.swarm_error,
            "if that swarm is not needed, run docker swarm leave --force there",
        )  # fmt: skip
    if backup.advertise_addr not in facts.system.addresses:
        yield Finding(
            "H31", "error", backup.host, f"the backup's address {backup.advertise_addr} is not configured on the host",
            f"the host has {', '.join(facts.system.addresses)}",
            "give it that address: the other nodes look for their manager there",
        )  # fmt: skip
    if _release(facts.engine.version) < _release(backup.engine_version):
        yield Finding(
            "H40", "error", backup.host, "its engine is older than the one the backup is of",
            f"{facts.engine.version}, the backup {backup.engine_version}", "install that engine or a newer one",
        )  # fmt: skip


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
