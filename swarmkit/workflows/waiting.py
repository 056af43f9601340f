"""Waiting for services with what a run has: its hosts, their events, its deadline."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from swarmkit.converge.service_look import Until
from swarmkit.converge.wait import Wakeups, wait_for_service
from swarmkit.errors import NotConvergedError, SwarmkitError, brief
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet


@dataclass(frozen=True)
class Waiter:
    """Waits for services with the run's hosts, wake-ups and deadline."""

    fleet: Fleet
    woken: Wakeups
    progress: Progress
    timeout_seconds: float
    taken_back: frozenset[str] = frozenset()
    """Services whose update the engine took back before this run, and that it does not change."""

    def wait_for(
        self, name: str, key: str, cancelled: threading.Event | None = None, until: Until = "converged"
    ) -> str:
        manager = self._manager()
        return wait_for_service(
            name,
            key,
            fleet=self.fleet,
            manager=self.fleet[manager].engine,
            woken=self.woken,
            progress=self.progress,
            timeout_seconds=self.timeout_seconds,
            until=until,
            cancelled=cancelled,
            is_taken_back=name in self.taken_back,
        )

    def _manager(self) -> str:
        for name, reached in self.fleet.items():
            if reached.host.role == "manager" and reached.engine.info()["Swarm"].get("ControlAvailable"):
                return name
        raise SwarmkitError("no host of the inventory is a manager of a working swarm")

    def wait_for_services(self, names: Iterable[str], observed: Observed) -> bool:
        """Wait for each service of *names* that the last look did not see converged; tell whether there was one.

        Raises NotConvergedError with the causes of all that did not come up.
        """
        cancelled = threading.Event()
        results = fan_out(
            [name for name in names if not _was_converged(name, observed)],
            functools.partial(self._wait_shown, observed, cancelled),
            on_interrupt=cancelled.set,
        )
        errors = [error for error in results.values() if isinstance(error, Exception)]
        for error in errors:
            if not isinstance(error, SwarmkitError):
                raise error
        if errors:
            raise _as_one([error for error in errors if isinstance(error, SwarmkitError)])
        return bool(results)

    def _wait_shown(self, observed: Observed, cancelled: threading.Event, name: str) -> str:
        key = f"converge:{name}"
        service = observed.cluster.service(name) if observed.cluster else None
        what = "has completed" if service and service.is_job else "runs as declared"
        self.progress.started(key, name, f"waiting until it {what}")
        try:
            note = self.wait_for(name, key, cancelled)
        except BaseException as error:
            self.progress.ended(key, ok=False, note=brief(error) if isinstance(error, SwarmkitError) else "")
            raise
        self.progress.ended(key, ok=True, note=note)
        return note


def _as_one(errors: list[SwarmkitError]) -> SwarmkitError:
    if len(errors) == 1:
        return errors[0]
    said: list[str] = []
    for error in errors:
        said += [error.what, *(f"  {line}" for line in error.why.splitlines())]
        said += [f"  to do: {line}" for line in error.to_do.splitlines()]
    to_do = "mend the causes and run up again: it does what is left; or go back: swarmkit rollback"
    return NotConvergedError(f"{len(errors)} services do not run as declared", "\n".join(said), to_do)


def taken_back(plan: Plan, observed: Observed) -> frozenset[str]:
    """Return the services whose last update the engine took back and that *plan* does not change."""
    services = observed.cluster.services if observed.cluster else ()
    changed = {operation.step.target for operation in plan.writes}
    return frozenset(one.name for one in services if one.update_state == "rollback_completed") - changed


def _was_converged(name: str, observed: Observed) -> bool:
    """Tell whether the look that found nothing to do also saw the service with all its tasks running."""
    service = observed.cluster.service(name) if observed.cluster else None
    if observed.cluster is None or service is None or not service.is_settled:
        return False
    mode, template = service.spec.get("Mode") or {}, service.spec["TaskTemplate"]
    if service.is_job:
        # A host may have tried more than once: its failed tasks count no more once one is complete.
        tasks = [task for task in observed.cluster.tasks_of(service.id) if task.iteration == service.iteration]
        asked = [task for task in tasks if task.desired_state == "complete" or task.state in ("failed", "rejected")]
        hosts = len({task.node_id for task in asked})
        wanted = (mode.get("ReplicatedJob") or {}).get("TotalCompletions", 1) if "ReplicatedJob" in mode else hosts
        return bool(sum(task.state == "complete" for task in tasks) >= max(1, wanted))
    tasks = [task for task in observed.cluster.tasks_of(service.id) if task.desired_state == "running"]
    wanted = (mode.get("Replicated") or {}).get("Replicas", len(tasks))
    # A busy manager tells of an update that it has taken and not begun: the old tasks run, and no update is under way.
    return bool(sum(task.state == "running" and task.is_made_from(template) for task in tasks) >= wanted)
