"""`up`: observe, plan, show, apply, observe again until nothing is left to do, converge, prove."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmkit.converge.service_look import Until
from swarmkit.converge.wait import Wakeups, wait_for_service, wakeups
from swarmkit.errors import NotConvergedError, SwarmkitError, brief
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import Progress
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.workflows.lost_hosts import HostLostError, telling_of_lost
from swarmkit.workflows.planning import look_at, plan_for, prepare

if TYPE_CHECKING:
    from swarmkit.workflows.one_writer import OneWriter

ROUNDS = 3
"""How often is observed and planned again, when new state made more work visible or an outcome was unknown."""

PROOF_PATIENCE_SECONDS = 60.0
"""How long the proof may take to hold: after an engine's restart its gossip needs half a minute (measured 38 s)."""


@dataclass(frozen=True)
class UpReport:
    """How a run ended; *plan* is the first one, as it was shown."""

    plan: Plan
    observed: Observed
    applied: tuple[Applied, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What was proved; empty when nothing was changed or waited for, or the proof was not asked for."""

    @property
    def proof_failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


class RefusedError(SwarmkitError):
    """The plan is refused; nothing was changed."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("refused, nothing was changed")
        self.plan = plan


class IncompleteError(SwarmkitError):
    """Some operation failed; *applied* says what is done, what failed and what was not started."""

    def __init__(self, applied: Applied) -> None:
        first = applied.failed[0]
        super().__init__(f"{first.step.target}: {first.step.summary} failed")
        self.applied = applied
        self.lost: HostLostError | None = None
        """Set where hosts were lost meanwhile."""
        if any(isinstance(outcome.error, NotConvergedError) for outcome in applied.failed):
            self.exit_code = NotConvergedError.exit_code


def up(
    declared: Declared,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    service_timeout_seconds: float = 300.0,
    verify: bool = True,
    lock_wait_seconds: float = 0.0,
) -> UpReport:
    """Bring the hosts to what is declared and prove it; *confirm* sees the plan and is asked before the first write.

    Raises RefusedError, LockedError, IncompleteError, HostLostError or NotConvergedError; a declined confirmation
    returns a report without outcomes.
    """
    progress.phase("connect")
    reached = reach(declared.inventory, sudo_password=sudo_password, meanwhile=lambda: prepare(declared))
    with reached as fleet, telling_of_lost(fleet) as watched:
        progress.phase("observe")
        plan, observed = plan_for(declared, fleet)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return UpReport(plan, observed)
        with ExitStack() as resources:
            woken = resources.enter_context(wakeups(fleet))
            waiter = Waiter(fleet, woken, progress, service_timeout_seconds, taken_back(plan, observed))
            applied: tuple[Applied, ...] = ()
            from swarmkit.workflows.one_writer import give_back_for_the_dead, one_writer

            if plan.is_empty:
                give_back_for_the_dead(fleet, observed, progress, "up")
            else:
                writer = resources.enter_context(one_writer(fleet, observed, progress, "up", lock_wait_seconds))
                if writer.met_another:
                    plan, observed = plan_for(declared, fleet)
                    if plan.refusals:
                        raise RefusedError(plan)
                    if not confirm(plan):
                        return UpReport(plan, observed)
                watched.observed = observed
                applied, observed = apply_rounds(plan, declared, fleet, observed, waiter, writer)
            watched.observed = observed
            waited = False
            if declared.stack is not None:
                progress.phase("converge")
                names = [f"{declared.stack.name}_{service.name}" for service in declared.stack.services]
                waited = waiter.wait_for_services(names, observed)
        findings: tuple[Finding, ...] = ()
        if applied or waited:
            observed = observe(fleet, kernel="never")
            if verify:
                from swarmkit.verify.prove import prove

                progress.phase("verify")
                findings = prove(
                    fleet, declared.inventory, declared.stack, observed, patience_seconds=PROOF_PATIENCE_SECONDS
                ).findings
        return UpReport(plan, observed, applied, findings)


def apply_rounds(
    plan: Plan,
    declared: Declared,
    fleet: Fleet,
    observed: Observed,
    waiter: Waiter,
    writer: OneWriter,
    *,
    replan: Callable[[Observed], Plan] | None = None,
) -> tuple[tuple[Applied, ...], Observed]:
    """Apply *plan*, look again and apply what is still to do; return all that was applied and the last look.

    What is still to do is what *replan* says, by default the plan of what is *declared*.
    """
    from swarmkit.plan.apply import apply, is_final
    from swarmkit.plan.context import Context
    from swarmkit.plan.planner import first_manager, make_plan
    from swarmkit.plan.stacks.registry_logins import having_sent

    rounds: list[Applied] = []
    while not plan.is_empty:
        if len(rounds) == ROUNDS:
            left = ", ".join(operation.step.summary for operation in plan.writes)
            raise NotConvergedError(f"after {ROUNDS} rounds there is still to do: {left}", "", "run the same again")
        waiter.progress.phase("apply")
        manager = first_manager(declared.inventory, observed)
        cancelled = threading.Event()
        wait_for = functools.partial(waiter.wait_for, cancelled=cancelled)
        started = functools.partial(waiter.wait_for, until="started", cancelled=cancelled)
        context = Context(fleet, waiter.progress, manager, wait_for, cancelled, writer.guard, started)
        applied = apply(plan, context)
        rounds.append(applied)
        if is_final(applied) or (len(rounds) == ROUNDS and applied.failed):
            raise IncompleteError(applied)
        waiter.progress.phase("observe again")
        observed = look_at(declared, fleet, kernel="never")
        plan = replan(observed) if replan else make_plan(having_sent(declared, rounds), observed)
        if plan.refusals:
            raise RefusedError(plan)
    return tuple(rounds), observed


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
