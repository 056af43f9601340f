"""Planning the way back after the quorum was lost: which manager goes on, and who must not; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from swarmkit.finding import Finding
from swarmkit.observed.model import RECOVERY_LABEL
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.joins import INIT, addresses
from swarmkit.plan.nodes.leaving import LeaveOldRaft
from swarmkit.plan.states.left_managers import left_managers
from swarmkit.plan.states.operations import TakeLockOff
from swarmkit.plan.states.recovery_operations import ForceNewCluster, MarkRecovered, RemoveOldManagers
from swarmkit.plan.states.survey import Survey, lock_refusals, member_refusals, recovery_refusals
from swarmkit.plan.warnings import as_warnings
from swarmkit.secret import Secret

_OLD = "recover:old-managers"
_LOCK = f"{INIT}:lock"
MARK = "recover:mark"


@dataclass(frozen=True)
class Recovery:
    plan: Plan
    manager: str
    """Host that goes on as the swarm's manager; empty when the plan is refused."""


def recovery_plan(
    survey: Survey,
    *,
    lost: Collection[str],
    going_on: str = "",
    unlock_keys: Sequence[Secret] = (),
    overridden: Collection[str] = (),
) -> Recovery:
    """Return how the swarm of *survey* gets a quorum again, or old managers are kept away from one that has it.

    *lost* are the silent managers that never come back with what they know, as the operator says; *going_on* overrides
    the choice among the survivors, which is the one with the newest raft log. Managers that lock need *unlock_keys*.
    What forbids to make nodes of the hosts again is a warning for the codes *overridden*, and lets old managers be kept
    away from a swarm that works.
    """
    cluster = survey.observed.cluster
    if cluster is not None:
        return _fence(survey, lost)
    refusals = list(recovery_refusals(survey, lost, going_on))
    refusals += lock_refusals(survey, unlock_keys)
    of_members = list(member_refusals(survey))
    refusals += [finding for finding in of_members if finding.code not in overridden]
    if refusals:
        return Recovery(Plan((), tuple(refusals)), "")
    manager = going_on or survey.survivors[0]
    operations = tuple(_operations(survey, manager, unlock_keys))
    warnings = (
        *as_warnings(of_members),
        *_warnings(survey, manager, lost),
        *_unused_key(survey.raft[manager], manager, unlock_keys),
    )
    return Recovery(Plan(operations, (), warnings), manager)


def _operations(survey: Survey, manager: str, unlock_keys: Sequence[Secret]) -> Iterator[Operation]:
    host = survey.inventory.host(manager)
    locks = survey.raft[manager].locks
    autolock = locks or survey.raft[manager].lock_is_off
    body = {**addresses(host, survey.observed), **force_new_cluster(autolock=autolock)}
    if survey.inventory.data_path_port:
        body["DataPathPort"] = survey.inventory.data_path_port
    if locks:
        is_locked = survey.observed.hosts[manager].engine.swarm_state == "locked"
        how = "take the lock off its state" + (" and restart its engine" if is_locked else "")
        reason = "Docker cannot force a new cluster of a locked state; it locks again when it leads"
        yield TakeLockOff(Step(_LOCK, "swarm", "update", manager, how, reason), tuple(unlock_keys), is_locked)
    again = "; it locks again when it leads" if autolock and not locks else ""
    step = Step(
        INIT, "swarm", "update", manager, "go on alone with its state: force a new cluster",
        f"no quorum; {survey.raft[manager]}{again}", frozenset({_LOCK} if locks else ()), destructive=True,
    )  # fmt: skip
    yield ForceNewCluster(step, body, survey.raft[manager].cluster_id, keeps_ca=True)
    yield _remove_old(manager, frozenset({INIT}))
    for name in survey.survivors:
        if name != manager:
            yield _leave(survey, name, f"{survey.raft[name]}; joins again at once", frozenset({_OLD}))


def force_new_cluster(*, autolock: bool, ca_rotations: int = 0) -> dict[str, Any]:
    """Return what a request to force a new cluster says: the engine takes *autolock* from it, whatever was before.

    It takes the number of *ca_rotations* too, as 0 where it is not given, and rotates the swarm's CA where that was
    another (moby 26.1: MergeSwarmSpecToGRPC). A swarm that has no leader tells it to nobody; see kept_ca.
    """
    spec = {"EncryptionConfig": {"AutoLockManagers": autolock}, "CAConfig": {"ForceRotate": ca_rotations}}
    return {"ForceNewCluster": True, "AutoLockManagers": autolock, "Spec": spec}


def _remove_old(manager: str, after: frozenset[str], known: frozenset[str] | None = None) -> RemoveOldManagers:
    what = "remove the entries of the managers that are no members any more"
    reason = "what comes back with the old raft is a stranger then"
    step = Step(_OLD, "node", "remove", manager, what, reason, after, destructive=True)
    return RemoveOldManagers(step, known)


def _leave(survey: Survey, name: str, reason: str, after: frozenset[str] = frozenset()) -> LeaveOldRaft:
    step = Step(f"leave:{name}", "node", "remove", name, "leave the old raft", reason, after, destructive=True)
    return LeaveOldRaft(step, name, _node_id(survey, name))


def _node_id(survey: Survey, name: str) -> str:
    return survey.observed.hosts[name].engine.node_id or survey.raft[name].node_id


def _warnings(survey: Survey, manager: str, lost: Collection[str]) -> Iterator[Finding]:
    yield Finding(
        "H54", "warning", "swarm", f"what only the lost managers knew is lost; {manager} decides what was declared", "",
        "tasks keep running; compare with swarmkit plan -f STACK afterwards",
    )  # fmt: skip
    if newer := [name for name in survey.survivors if survey.is_newer(name, manager)]:
        told = ", ".join(f"{name}: {survey.raft[name]}" for name in (manager, *newer))
        yield Finding(
            "H54", "warning", manager, f"what {', '.join(newer)} knows and {manager} does not is lost", told,
            f"leave out --from {manager} for the one that knows most",
        )  # fmt: skip
    if gone := [name for name in survey.silent if name in lost]:
        yield Finding(
            "H54", "warning", ", ".join(gone), "may come back with the old raft and make a second swarm",
            "one that answers when the new cluster is made leaves and joins in this run",
            "keep it off; once it is back run this again, before anything else: it leaves and joins",
        )  # fmt: skip


def _unused_key(raft: RaftFacts, manager: str, unlock_keys: Sequence[Secret]) -> Iterator[Finding]:
    if unlock_keys and not (raft.locks or raft.lock_is_off):
        yield Finding(
            "H60", "warning", manager, "its state is not locked: the unlock key is not used, and none will lock", "",
            "if managers locked before: swarmkit autolock on, afterwards",
        )  # fmt: skip


def _fence(survey: Survey, lost: Collection[str]) -> Recovery:
    """Return how managers that missed a recovery leave the raft they still believe in."""
    observed, cluster = survey.observed, survey.observed.cluster
    assert cluster is not None  # noqa: S101 - the caller's branch
    members = {node.id for node in cluster.nodes}
    recovered = int(cluster.labels.get(RECOVERY_LABEL, "0"))
    operations: list[Operation] = []
    left = left_managers(survey, cluster, lost)
    refusals = list(left.refusals)
    if old := left.nodes:
        # Whether it was cut off before its mark or after cannot be told, and one mark more does no harm.
        reason = "a recovery was cut off after its force; who has not the mark missed it"
        mark = Step(MARK, "swarm", "update", cluster.told_by, "mark it as recovered", reason)
        operations += [MarkRecovered(mark), _remove_old(cluster.told_by, frozenset({MARK}), old)]
        members -= old
        recovered += 1
    for name, raft in survey.raft.items():
        engine = observed.hosts[name].engine
        if _node_id(survey, name) in members:
            continue
        if raft.cluster_id == cluster.id and engine.recovery < recovered:
            reason = "it missed the recovery and may make a second swarm; joins again at once"
            operations.append(_leave(survey, name, reason))
        else:
            refusals.append(
                Finding(
                    "H49", "error", name, "it is a manager of another swarm", f"cluster {raft.cluster_id}",
                    "correct the inventory",
                )
            )  # fmt: skip
    if refusals:
        return Recovery(Plan((), tuple(refusals)), "")
    nothing = f"the swarm has its quorum, {cluster.told_by} tells; whether it is as declared: swarmkit verify"
    return Recovery(Plan(tuple(operations), why_nothing=nothing), cluster.told_by)
