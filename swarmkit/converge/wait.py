"""Waiting until a service runs as declared: woken by the engines' events, with polling as the fallback."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from swarmkit.converge.doing import Reasons, doing
from swarmkit.converge.explain import explain
from swarmkit.converge.service_look import ServiceLook, Until, look_at
from swarmkit.errors import NotConvergedError
from swarmkit.plan.progress import Progress
from swarmkit.reach.engine import Engine
from swarmkit.reach.fleet import Fleet

POLL_SECONDS = 1.0
# An event of a host reaches the manager's tasks by way of the dispatcher, a moment later than us.
_SETTLE_PAUSES_SECONDS = (0.1, 0.15, 0.25, 0.35)
_TAKEN_BACK = "mend the cause and run up again, which makes the update anew"
_SEE = "what its host may lack, such as ESP: swarmkit doctor\nsee: docker service ps --no-trunc"
_MEND = "mend the cause and run up again, or go back: swarmkit rollback"
_STOPPED = {
    "paused": _MEND,
    "rollback_started": _TAKEN_BACK,
    "rollback_completed": _TAKEN_BACK,
    "rollback_paused": "some tasks have the old and some the new version; mend the cause and run up again",
}
"""State of an update that the engine does not go on with -> what to do."""
_FAILURES_BEFORE_GIVING_UP = 3
_LOOKS_BEFORE_GIVEN_UP = 6
# None of what is made only: the manager has other work then than to be asked for it four times.
_EVENTS = {"type": ["container", "service"], "event": ["start", "die", "health_status", "update"]}


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
    back, when three tasks in a row have failed since the waiting began, when a job's task has failed and the engine
    starts no other, or when the run is *cancelled*.
    """
    deadline = time.monotonic() + timeout_seconds
    failed_before: set[str] | None = None
    given_up = 0
    reasons = Reasons(key, progress, fleet)
    while True:
        seen = woken.count
        look = look_at(manager, name)
        is_as_before = is_taken_back and look.update_state == "rollback_completed"
        if look.has_come_to(until) or (is_as_before and look.running >= look.wanted):
            return _done(look)
        # An unhealthy container that ends with 0 when it is stopped leaves a task that is complete.
        ended = ("failed", "rejected") if look.is_job else ("failed", "rejected", "complete")
        failed = {task.id for task in look.states if task.state in ended}
        failed_before = failed if failed_before is None else failed_before
        reasons.tell(look, failed - failed_before)
        progress.advanced(key, doing(look, len(failed - failed_before)))
        if look.update_state in _STOPPED and not is_as_before:
            message = str(look.service["UpdateStatus"].get("Message", ""))
            why = f"its update is {look.update_state}: {message}"
            go_on = f"{_serving(look)}; {_STOPPED[look.update_state]}"
            raise _not_converged(name, why, look, fleet, manager, go_on=go_on)
        if len(failed - failed_before) >= _FAILURES_BEFORE_GIVING_UP and not look.running:
            why = "its tasks fail again and again"
            raise _not_converged(name, why, look, fleet, manager, blamed=failed - failed_before)
        # Seen once it may be the moment between the end of one task and the engine's making of another; of a service,
        # the tasks of before it was scaled, which a busy manager has not come to yet.
        given_up = given_up + 1 if look.is_given_up else 0
        if given_up >= (2 if look.is_job else _LOOKS_BEFORE_GIVEN_UP):
            why = "a task of this job failed" if look.is_job else "a task ended, as its restart_policy lets it,"
            raise _not_converged(name, f"{why} and is not started again", look, fleet, manager)
        if cancelled is not None and cancelled.is_set():
            raise NotConvergedError(f"{name}: not waited for any longer, the run has stopped")
        if time.monotonic() > deadline:
            what = "have completed" if look.is_job else "run"
            why = f"{look.running} of {look.wanted} tasks {what} after {timeout_seconds:g} s"
            raise _not_converged(name, why, look, fleet, manager, blamed=(failed - failed_before) or look.starting)
        _pause(woken, seen, deadline, lambda: look_at(manager, name).has_come_to(until))


def _serving(look: ServiceLook) -> str:
    """Return what serves while an update is stopped: with Docker's own order, stop-first, it may be nothing."""
    if not look.serving:
        return "NOTHING of it serves, no task runs"
    # Once the engine goes back, the service's spec is the earlier one again.
    earlier = look.serving - look.running if look.update_state == "paused" else 0
    return f"{look.serving} of {look.wanted} tasks run" + (f", {earlier} of the version before" if earlier else "")


def _done(look: ServiceLook) -> str:
    if look.running < look.wanted:
        return f"{look.started}/{look.wanted} started"
    return f"{look.running}/{look.wanted} {'complete' if look.is_job else 'running'}"


def _pause(woken: Wakeups, seen: int, deadline: float, has_come: Callable[[], bool]) -> None:
    """Sleep until something happened, then give the manager a moment to learn of it; never past *deadline*."""
    if woken.wait(seen, min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))) == seen:
        return
    for seconds in _SETTLE_PAUSES_SECONDS:
        time.sleep(min(seconds, max(0.0, deadline - time.monotonic())))
        if time.monotonic() > deadline or has_come():
            return


def _not_converged(
    name: str,
    why: str,
    look: ServiceLook,
    fleet: Fleet,
    manager: Engine,
    *,
    blamed: Collection[str] = (),
    go_on: str = "",
) -> NotConvergedError:
    """Return the failure with its cause: of the tasks *blamed*, of the one that *why* names, else of them all.

    The engine keeps tasks of earlier versions, which failed of something else. *go_on*: what to do about the update.
    """
    blamed = blamed or set(why.split())
    of_now = [task for task in look.states if task.id in blamed]
    cause = explain(of_now or look.states, fleet, manager)
    to_do = "\n".join(filter(None, (cause.to_do, go_on)))
    said = "\n".join(filter(None, (cause.sentence, cause.logged)))
    return NotConvergedError(f"{name}: {why}", said, to_do or f"{_SEE} {name}\n{_MEND}")
