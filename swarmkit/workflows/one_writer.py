"""Holding a cluster for one run's writes, and telling who held it before."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from swarmkit.errors import SwarmkitError, TerminatedError
from swarmkit.journal.record import RunRecord, RunState
from swarmkit.observed.model import Observed
from swarmkit.plan.engines.gossip import AGENT, LET_GO
from swarmkit.plan.engines.plans import UPGRADE
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.joins import INIT
from swarmkit.plan.progress import OfARun, Progress
from swarmkit.plan.states.stopped_manager import TAKE_STATE
from swarmkit.reach.cluster_history import keep_runs
from swarmkit.reach.engine import EngineError
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.hosts_lock import HostsLock
from swarmkit.reach.lock import LOCK_NAME, ClusterLock, Holder, LockedError

_KEY = "lock"
_INTERRUPTED = 130
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


@dataclass(frozen=True)
class OneWriter:
    lock: ClusterLock
    hosts: HostsLock
    """Held where there is no swarm whose managers could keep the lock."""
    met_another: bool
    """Whether another run held the cluster since it was observed: the plan may be old then."""
    written: list[str] = field(default_factory=list)
    """The keys of the steps that were let write."""

    def guard(self, step: Step) -> None:
        """Raise before a write that this run may not do; a swarm that *step* makes is held right after it is made.

        Before that the hosts are held. Images may be on their way before both, or an engine that is in no swarm started
        again, and two that do the same do no harm.
        """
        is_harmless = step.subject == "image" or step.key.startswith(LET_GO)
        if step.key.startswith(INIT):
            self.hosts.guard()
        elif not (is_harmless and not self.lock.is_held):
            self.lock.guard()
        if step.key.startswith((UPGRADE, AGENT)) or step.key == TAKE_STATE:
            self.lock.avoid(step.target)
        self.written.append(step.key)


@contextmanager
def one_writer(
    fleet: Fleet,
    observed: Observed,
    progress: Progress,
    purpose: str,
    wait_seconds: float,
    *,
    ended: Collection[str] = (),
    hosts: Fleet | None = None,
) -> Iterator[OneWriter]:
    """Hold the cluster for the block; while no manager tells of one, hold the *hosts*, by default those of *fleet*.

    A lock with a token in *ended* is nobody's any more.
    """
    managers_first = sorted(fleet.values(), key=lambda reached: reached.host.role != "manager")
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        progress.started(_KEY, "lock", text)

    run = progress.run if isinstance(progress, OfARun) else ""
    engines = (one.engine for one in managers_first)
    lock = ClusterLock(engines, purpose, run=run, wait_seconds=wait_seconds, ended=ended, tell=tell)
    shells = {name: reached.shell for name, reached in (hosts or fleet).items()}
    hosts_lock = HostsLock(shells, lock.holder, wait_seconds=wait_seconds, tell=tell)
    began = time.monotonic()
    writer = OneWriter(lock, hosts_lock, met_another=False)
    ended_by: BaseException | None = None
    try:
        writer = OneWriter(lock, hosts_lock, lock.take() if observed.cluster is not None else hosts_lock.take())
        yield writer
    except BaseException as error:
        ended_by = error
        raise
    finally:
        if lock.is_held:
            _remember(writer, time.monotonic() - began, ended_by, tell)
        if told:
            ok = (lock.is_held or hosts_lock.is_held) and not (lock.is_lost or hosts_lock.is_lost)
            note = "held by this run" if ok else "the cluster is held by another run"
            progress.ended(_KEY, ok=ok, note=note)
        lock.release()
        hosts_lock.release()


def refuse_an_old_plan(writer: OneWriter) -> None:
    """Raise where another run has had the cluster since the plan was made that cannot be made again unasked."""
    if writer.met_another:
        raise LockedError(
            "another run has ended since this plan was made, nothing was changed by this one",
            "what it did is not in the plan",
            "run the same again: it plans anew",
        )


def give_back_for_the_dead(fleet: Fleet, observed: Observed, progress: Progress, purpose: str) -> None:
    """Remove the lock in *observed* that a dead run of this machine could not give back; a living one's stays."""
    configs = observed.cluster.configs if observed.cluster else ()
    left = [dict(config.labels) for config in configs if config.name == LOCK_NAME]
    if left and Holder.in_labels(left[0]).is_known_dead():
        with suppress(LockedError), one_writer(fleet, observed, progress, purpose, 0):
            pass


def _remember(writer: OneWriter, seconds: float, ended_by: BaseException | None, tell: Callable[[str], None]) -> None:
    """Note this run, and the dead one whose lock it took, in the history that the managers keep."""
    lock, runs = writer.lock, list[RunRecord]()
    if lock.taken_from:
        runs.append(_record(lock.taken_from, state="unfinished", error=f"ended without a word; {lock.holder} went on"))
    if writer.written:
        code = _exit_code(ended_by)
        runs.append(
            _record(lock.holder, seconds=round(seconds, 1), exit_code=code, error=str(ended_by or "") if code else "")
        )
    try:
        if runs:
            lock.guard()
            keep_runs(lock.managers, runs)
    except EngineError as error:
        # The run has dissolved the swarm, or it has no leader any more: nobody keeps anything.
        if error.status != 503:
            tell(f"this run is not in the managers' history: {error.message}")
    except SwarmkitError as error:
        tell(f"this run is not in the managers' history: {error.what}")


def _record(
    holder: Holder, *, state: RunState = "ended", seconds: float = 0.0, exit_code: int | None = None, error: str
) -> RunRecord:
    return RunRecord(
        _run_name(holder),
        state,
        holder.purpose,
        "",
        "",
        holder.user,
        holder.host,
        holder.pid,
        holder.since,
        seconds,
        exit_code,
        error,
    )


def _run_name(holder: Holder) -> str:
    """Return the run's name as its journal gives it.

    A lock is anybody's to write, so its time need not be one: such a run counts as the oldest, or it would stand before
    every later one and never be dropped.
    """
    if _RUN.fullmatch(holder.run):
        return holder.run
    digits = re.sub(r"\D", "", holder.since).ljust(14, "0")
    return f"{digits[:8]}-{digits[8:14]}-{holder.token[:4]}"


def _exit_code(error: BaseException | None) -> int:
    if error is None:
        return 0
    if isinstance(error, KeyboardInterrupt):
        return TerminatedError.exit_code if isinstance(error, TerminatedError) else _INTERRUPTED
    return error.exit_code if isinstance(error, SwarmkitError) else 1
