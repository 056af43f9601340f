"""What a service is waited for just now, and why a task of it failed, told while the waiting goes on."""

from __future__ import annotations

import time

from swarmkit.converge.explain import explain
from swarmkit.converge.service_look import ServiceLook
from swarmkit.observed.model import TaskState
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet

_DEFAULT_MONITOR_SECONDS = 5.0
_NANO = 1_000_000_000
_UNPLACED = ("new", "pending", "allocated")
UNPLACED_SECONDS = 3.0
"""After which a task without a host is told of: a port or memory is free again as soon as an old task has stopped."""


def doing(look: ServiceLook, failed: int) -> str:
    """Return how many tasks do what they shall, what the others wait for, and how many have *failed* meanwhile."""
    done = "complete" if look.is_job else "running"
    words = [f"{look.running}/{look.wanted} {done}", _waits_for(look)]
    words.append(f"{failed} failed so far" if failed else "")
    return ", ".join(word for word in words if word)


def _waits_for(look: ServiceLook) -> str:
    task = _latest(look)
    if look.running >= look.wanted or (task and task.state == "running"):
        return _update(look)
    if task is None:
        return "the swarm has made no task yet"
    return {
        **dict.fromkeys(_UNPLACED, f"no host yet{f': {task.error}' if task.error else ''}"),
        "assigned": "a host was chosen",
        "accepted": "a host was chosen",
        "preparing": f"its host prepares it: image {task.image.partition('@')[0]}, networks, volumes",
        "ready": "prepared, it starts when the task before it has stopped, or after the delay of a restart",
        "starting": _starting(look),
        "failed": _after_failure(look),
        "complete": "its program ended with exit code 0",
        "rejected": "the task that was rejected is made anew",
    }.get(task.state, task.state)


def _after_failure(look: ServiceLook) -> str:
    condition = (look.service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}).get("Condition")
    return "a task failed" if condition == "none" else "the task that failed is started anew"


def _starting(look: ServiceLook) -> str:
    """A task is starting until its container runs, and until it is healthy where something asks for that."""
    test = (look.service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Healthcheck") or {}).get("Test")
    if test:
        return "its container is starting" if test == ["NONE"] else "its health check has not passed yet"
    return "its container is starting, or the health check of its image has not passed yet"


def _latest(look: ServiceLook) -> TaskState | None:
    """Return the newest task, of those that shall run and do not where there are any."""
    waiting = [task for task in look.states if task.desired_state == "running" and task.state != "running"]
    return max(waiting or look.states, key=lambda task: task.created_at, default=None)


def _update(look: ServiceLook) -> str:
    if look.update_state != "updating":
        return f"its update is {look.update_state}" if look.update_state else ""
    monitor = (look.service["Spec"].get("UpdateConfig") or {}).get("Monitor")
    seconds = monitor / _NANO if monitor else _DEFAULT_MONITOR_SECONDS
    return f"its update watches the new tasks for {seconds:g} s"


class Reasons:
    """Tells, each once and at once, why tasks of one service fail or find no host."""

    def __init__(self, key: str, progress: Progress, fleet: Fleet) -> None:
        self._key, self._progress, self._fleet = key, progress, fleet
        self._seen: set[str] = set()
        self._told: set[str] = set()
        self._unplaced_since: dict[str, float] = {}

    def tell(self, look: ServiceLook, failed: set[str]) -> None:
        """Tell of those of the *failed* tasks that are new, and of a task that no host can take."""
        tasks = [task for task in look.states if task.id in failed - self._seen]
        tasks += [task for task in look.states if self._is_stuck(task)]
        self._seen |= failed
        for task in tasks:
            sentence = explain([task], self._fleet, None).sentence
            if sentence not in self._told:
                self._told.add(sentence)
                self._progress.warned(self._key, sentence)

    def _is_stuck(self, task: TaskState) -> bool:
        if task.state not in _UNPLACED or not task.error:
            return False
        since = self._unplaced_since.setdefault(task.id, time.monotonic())
        return time.monotonic() - since >= UNPLACED_SECONDS
