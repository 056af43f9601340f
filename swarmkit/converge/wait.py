"""Waiting until a service runs as declared: woken by the engines' events, with polling as the fallback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from swarmkit.converge.explain import explain
from swarmkit.errors import NotConvergedError
from swarmkit.observed import parse
from swarmkit.observed.model import TaskState
from swarmkit.plan.progress import Progress
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.fleet import Fleet

Until = Literal["converged", "started"]
"""``converged``: every task runs, healthy, or of a job has completed; ``started``: every task's container is there."""

POLL_SECONDS = 1.0
# An event of a host reaches the manager's tasks by way of the dispatcher, a moment later than us.
_SETTLE_SECONDS = 0.12
_SETTLE_LOOKS = 6
_FAILURES_BEFORE_GIVING_UP = 3
# A task with a health check is starting until it is healthy (moby daemon/cluster/executor/container/controller.go).
_STARTED = ("starting", "running", "complete")
_EVENTS = {"type": ["container", "service"], "event": ["start", "die", "health_status", "update", "create"]}


class Wakeups:
    """Tells waiting threads that some host's containers or the swarm's services have changed."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._listening = False
        self._changed = threading.Condition()
        self._count = 0
        self._stop = threading.Event()

    @property
    def count(self) -> int:
        return self._count

    def wait(self, seen: int, timeout_seconds: float) -> int:
        """Return when the count is past *seen* or the time is over; the count then."""
        with self._changed:
            self._start()
            self._changed.wait_for(lambda: self._count != seen, timeout_seconds)
            return self._count

    def _start(self) -> None:
        """Open the event streams when somebody waits for the first time: most runs have nothing to wait for."""
        if not self._listening:
            self._listening = True
            for reached in self._fleet.values():
                threading.Thread(target=self._listen, args=(reached.engine,), daemon=True).start()

    def _listen(self, engine: Engine) -> None:
        for _ in engine.events(_EVENTS, self._stop):
            with self._changed:
                self._count += 1
                self._changed.notify_all()

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def wakeups(fleet: Fleet) -> Iterator[Wakeups]:
    """Offer wake-ups by the events of all engines of *fleet* for as long as the block lasts."""
    woken = Wakeups(fleet)
    try:
        yield woken
    finally:
        woken.stop()


@dataclass(frozen=True)
class ServiceLook:
    """One look at a service and its tasks."""

    service: Json
    tasks: tuple[Json, ...]
    wanted: int

    @property
    def is_job(self) -> bool:
        return bool({"ReplicatedJob", "GlobalJob"} & (self.service["Spec"].get("Mode") or {}).keys())

    @property
    def running(self) -> int:
        """How many tasks do what the service is for: run, or of a job's present iteration are complete."""
        if self.is_job:
            return sum(1 for task in self._of_this_iteration() if task["Status"]["State"] == "complete")
        return sum(1 for task in self._current() if task["Status"]["State"] == "running")

    @property
    def started(self) -> int:
        """How many tasks have been started at least: their containers are there, healthy or not yet."""
        tasks = self._of_this_iteration() if self.is_job else self._current()
        return sum(1 for task in tasks if task["Status"]["State"] in _STARTED)

    @property
    def update_state(self) -> str:
        return str((self.service.get("UpdateStatus") or {}).get("State", ""))

    @property
    def is_converged(self) -> bool:
        return self.running >= self.wanted and self.update_state in ("", "completed")

    def has_come_to(self, until: Until) -> bool:
        return self.is_converged or (until == "started" and self.started >= self.wanted)

    @property
    def states(self) -> tuple[TaskState, ...]:
        return tuple(parse.task(task) for task in self.tasks)

    def _of_this_iteration(self) -> list[Json]:
        now = _iteration(self.service.get("JobStatus") or {})
        return [task for task in self.tasks if _iteration(task) == now]

    def _current(self) -> list[Json]:
        """The tasks that shall run and were made from the service's present spec."""
        template = self.service["Spec"]["TaskTemplate"]
        wanted = (template.get("ContainerSpec"), template.get("ForceUpdate", 0))
        return [
            task
            for task in self.tasks
            if task.get("DesiredState") == "running"
            and (task["Spec"].get("ContainerSpec"), task["Spec"].get("ForceUpdate", 0)) == wanted
        ]


def _iteration(holder: Mapping[str, Any]) -> int:
    return int((holder.get("JobIteration") or {}).get("Index", 0))


def look_at(manager: Engine, name: str) -> ServiceLook:
    """Read the service *name* and its tasks from a manager."""
    service = manager.inspect("services", name)
    tasks = manager.find("tasks", {"service": [str(service["ID"])]})
    mode: Mapping[str, Any] = service["Spec"].get("Mode") or {}
    if "ReplicatedJob" in mode:
        wanted = int((mode["ReplicatedJob"] or {}).get("TotalCompletions", 1))
    elif "GlobalJob" in mode:
        wanted = max(1, len({task.get("NodeID") for task in tasks if task.get("DesiredState") == "complete"}))
    elif "Replicated" in mode:
        wanted = int((mode["Replicated"] or {}).get("Replicas", 1))
    else:
        wanted = max(1, len({task.get("NodeID") for task in tasks if task.get("DesiredState") == "running"}))
    return ServiceLook(service, tuple(tasks), wanted)


def wait_for_service(
    name: str,
    key: str,
    *,
    fleet: Fleet,
    manager: Engine,
    woken: Wakeups,
    progress: Progress,
    timeout_seconds: float,
    until: Until = "converged",
    cancelled: threading.Event | None = None,
    is_taken_back: bool = False,
) -> str:
    """Wait until service *name* runs as declared, or has started, and return how many tasks do; never writes.

    *is_taken_back* tells that the engine took its update back before this run, which does not change it.
    Raises NotConvergedError with the cause in one sentence: when the time is over, when an update was stopped or taken
    back, when three tasks in a row have failed since the waiting began, or when the run is *cancelled*.
    """
    deadline = time.monotonic() + timeout_seconds
    failed_before: set[str] | None = None
    while True:
        seen = woken.count
        look = look_at(manager, name)
        is_as_before = is_taken_back and look.update_state == "rollback_completed" and look.running >= look.wanted
        if look.has_come_to(until) or is_as_before:
            return _done(look)
        # An unhealthy container that ends with 0 when it is stopped leaves a task that is complete.
        ended = ("failed", "rejected") if look.is_job else ("failed", "rejected", "complete")
        failed = {task.id for task in look.states if task.state in ended}
        failed_before = failed if failed_before is None else failed_before
        progress.advanced(key, _doing(look))
        if look.update_state in ("paused", "rollback_started", "rollback_completed", "rollback_paused"):
            message = str(look.service["UpdateStatus"].get("Message", ""))
            raise _not_converged(name, f"its update is {look.update_state}: {message}", look, fleet, manager)
        if len(failed - failed_before) >= _FAILURES_BEFORE_GIVING_UP and not look.running:
            raise _not_converged(name, "its tasks fail again and again", look, fleet, manager)
        if cancelled is not None and cancelled.is_set():
            raise NotConvergedError(f"{name}: not waited for any longer, the run has stopped")
        if time.monotonic() > deadline:
            why = f"{look.running} of {look.wanted} tasks run after {timeout_seconds:g} s"
            raise _not_converged(name, why, look, fleet, manager)
        _pause(woken, seen, name, manager, until)


def _done(look: ServiceLook) -> str:
    if look.running < look.wanted:
        return f"{look.started}/{look.wanted} started"
    return f"{look.running}/{look.wanted} {'complete' if look.is_job else 'running'}"


def _pause(woken: Wakeups, seen: int, name: str, manager: Engine, until: Until) -> None:
    """Sleep until something happened, then give the manager a moment to learn of it."""
    if woken.wait(seen, POLL_SECONDS) == seen:
        return
    for _ in range(_SETTLE_LOOKS):
        time.sleep(_SETTLE_SECONDS)
        if look_at(manager, name).has_come_to(until):
            return


def _doing(look: ServiceLook) -> str:
    latest = max(look.states, key=lambda task: task.created_at, default=None)
    state = f", {latest.state}" if latest else ""
    return f"{look.running}/{look.wanted} running{state}"


def _not_converged(name: str, why: str, look: ServiceLook, fleet: Fleet, manager: Engine) -> NotConvergedError:
    cause = explain(look.states, fleet, manager)
    return NotConvergedError(f"{name}: {why}", cause.sentence, cause.to_do)
