"""One look at a service and its tasks: how many do what they shall, and what the others wait for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swarmkit.observed import parse
from swarmkit.observed.global_services import nodes_of_global
from swarmkit.observed.jobs import is_job
from swarmkit.observed.model import TaskState
from swarmkit.observed.task_states import ENDED, FAILED
from swarmkit.reach.engine import Engine, Json

Until = Literal["converged", "started"]
"""``converged``: every task runs, healthy, or of a job has completed; ``started``: every task's container is there."""

# A task with a health check is starting until it is healthy (moby daemon/cluster/executor/container/controller.go).
_STARTED = ("starting", "running", "complete")


@dataclass(frozen=True)
class ServiceLook:
    """One look at a service and its tasks."""

    service: Json
    tasks: tuple[Json, ...]
    wanted: int

    @property
    def is_job(self) -> bool:
        return is_job(self.service["Spec"])

    @property
    def running(self) -> int:
        """How many tasks do what the service is for: run, or of a job's present iteration are complete."""
        if self.is_job:
            return sum(1 for task in self._of_this_iteration() if task["Status"]["State"] == "complete")
        return sum(1 for task in self._current() if task["Status"]["State"] == "running")

    @property
    def serving(self) -> int:
        """How many tasks run and shall go on, of the present version or of an earlier one."""
        wanted = [task for task in self.tasks if task.get("DesiredState") == "running"]
        return sum(1 for task in wanted if task["Status"]["State"] == "running")

    @property
    def started(self) -> int:
        """How many tasks have been started at least: their containers are there, healthy or not yet."""
        tasks = self._of_this_iteration() if self.is_job else self._current()
        return sum(1 for task in tasks if task["Status"]["State"] in _STARTED)

    @property
    def starting(self) -> set[str]:
        """The tasks whose containers are there and not healthy yet."""
        return {str(task["ID"]) for task in self._current() if task["Status"]["State"] == "starting"}

    @property
    def update_state(self) -> str:
        return str((self.service.get("UpdateStatus") or {}).get("State", ""))

    @property
    def is_converged(self) -> bool:
        return self.running >= self.wanted and self.update_state in ("", "completed")

    def has_come_to(self, until: Until) -> bool:
        return self.is_converged or (until == "started" and self.started >= self.wanted)

    @property
    def is_given_up(self) -> bool:
        """Tell whether a task has ended and the engine, by the restart policy, starts no other.

        The engine makes a failed task's successor in the same step that wants the failed one shut down, and looks for
        work left over only when another task of the job ends (moby/swarmkit manager/orchestrator/jobs and restart).
        """
        policy = self.service["Spec"]["TaskTemplate"].get("RestartPolicy") or {}
        is_limited = policy.get("Condition") == "none" or bool(policy.get("MaxAttempts"))
        if not (is_limited or (policy.get("Condition") == "on-failure" and not self.is_job)):
            return False
        told = self._of_this_iteration() if self.is_job else self._of_this_spec()
        tasks = [(task["Status"]["State"], task.get("DesiredState")) for task in told]
        # Of a service that is no job, one that has completed is missed as well.
        failed = [desired for state, desired in tasks if state in FAILED or (state == "complete" and not self.is_job)]
        is_over = all(state in ENDED for state, _ in tasks)
        return is_over and bool(failed) and all(desired == "shutdown" for desired in failed)

    @property
    def states(self) -> tuple[TaskState, ...]:
        return tuple(parse.task(task) for task in self.tasks)

    def _of_this_iteration(self) -> list[Json]:
        now = _iteration(self.service.get("JobStatus") or {})
        return [task for task in self.tasks if _iteration(task) == now]

    def _current(self) -> list[Json]:
        """The tasks that shall run and were made from the service's present spec."""
        return [task for task in self._of_this_spec() if task.get("DesiredState") == "running"]

    def _of_this_spec(self) -> list[Json]:
        template = self.service["Spec"]["TaskTemplate"]
        wanted = (template.get("ContainerSpec"), template.get("ForceUpdate", 0))
        return [
            task
            for task in self.tasks
            if (task["Spec"].get("ContainerSpec"), task["Spec"].get("ForceUpdate", 0)) == wanted
        ]


def _iteration(holder: Mapping[str, Any]) -> int:
    return int((holder.get("JobIteration") or {}).get("Index", 0))


def _belongs_to_global_job(task: Json, service: Json) -> bool:
    """Tell whether the task's host shall complete the job's present iteration, or has failed to."""
    is_of_now = _iteration(task) == _iteration(service.get("JobStatus") or {})
    return is_of_now and (task.get("DesiredState") == "complete" or task["Status"]["State"] in FAILED)


def look_at(manager: Engine, name: str) -> ServiceLook:
    """Read the service *name* and its tasks from a manager."""
    service = manager.inspect("services", name)
    tasks = manager.find("tasks", {"service": [str(service["ID"])]})
    mode: Mapping[str, Any] = service["Spec"].get("Mode") or {}
    if "ReplicatedJob" in mode:
        wanted = int((mode["ReplicatedJob"] or {}).get("TotalCompletions", 1))
    elif "GlobalJob" in mode:
        wanted = max(1, len({task.get("NodeID") for task in tasks if _belongs_to_global_job(task, service)}))
    elif "Replicated" in mode:
        wanted = int((mode["Replicated"] or {}).get("Replicas", 1))
    else:
        wanted = max(1, len(nodes_of_global(map(parse.task, tasks), service["Spec"]["TaskTemplate"])))
    return ServiceLook(service, tuple(tasks), wanted)
