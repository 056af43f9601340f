"""Holding a cluster for one run's writes, and telling who held it before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from swarmkit.observed.model import Observed
from swarmkit.plan.model import Step
from swarmkit.plan.planner import INIT
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.lock import ClusterLock

_KEY = "lock"


@dataclass(frozen=True)
class OneWriter:
    lock: ClusterLock
    met_another: bool
    """Whether another run held the cluster since it was observed: the plan may be old then."""

    def guard(self, step: Step) -> None:
        """Raise before a write that this run may not do; a swarm that *step* makes is held right after it is made.

        Two that make one at the same time meet at the first manager's engine, which makes one swarm only; images may
        be on their way before that, and two that send the same do no harm.
        """
        if step.key.startswith(INIT) or (step.subject == "image" and not self.lock.is_held):
            return
        self.lock.guard()


@contextmanager
def one_writer(
    fleet: Fleet, observed: Observed, progress: Progress, purpose: str, wait_seconds: float
) -> Iterator[OneWriter]:
    """Hold the cluster for the block; one that does not exist yet is held as soon as it does."""
    managers_first = sorted(fleet.values(), key=lambda reached: reached.host.role != "manager")
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        progress.started(_KEY, "lock", text)

    lock = ClusterLock((one.engine for one in managers_first), purpose, wait_seconds=wait_seconds, tell=tell)
    try:
        met_another = observed.cluster is not None and lock.take()
        yield OneWriter(lock, met_another)
    finally:
        if told:
            progress.ended(_KEY, ok=lock.is_held, note="held by this run" if lock.is_held else "held by another run")
        lock.release()
