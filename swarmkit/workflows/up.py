"""`up`: observe, plan, show, apply, observe again until nothing is left to do, converge, prove."""

from __future__ import annotations

import datetime
import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from swarmkit.converge.wait import Wakeups, wait_for_service, wakeups
from swarmkit.declared.service import Stack
from swarmkit.doctor.evidence import gather
from swarmkit.doctor.examine import examine
from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.planner import Declared, first_manager, make_plan
from swarmkit.plan.progress import Progress
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.one_writer import OneWriter, one_writer

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

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError; a declined confirmation returns a report
    without outcomes.
    """
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        plan, observed = plan_for(declared, fleet)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return UpReport(plan, observed)
        with ExitStack() as resources:
            woken = resources.enter_context(wakeups(fleet))
            waiter = Waiter(fleet, woken, progress, service_timeout_seconds)
            applied: tuple[Applied, ...] = ()
            if not plan.is_empty:
                writer = resources.enter_context(one_writer(fleet, observed, progress, "up", lock_wait_seconds))
                if writer.met_another:
                    plan, observed = plan_for(declared, fleet)
                    if plan.refusals:
                        raise RefusedError(plan)
                    if not confirm(plan):
                        return UpReport(plan, observed)
                applied, observed = apply_rounds(plan, declared, fleet, observed, waiter, writer)
            waited = False
            if declared.stack is not None:
                progress.phase("converge")
                waited = waiter.wait_for_stack(declared.stack, observed)
        findings: tuple[Finding, ...] = ()
        if applied or waited:
            observed = observe(fleet, kernel="never")
            if verify:
                progress.phase("verify")
                findings = prove(
                    fleet, declared.inventory, declared.stack, observed, patience_seconds=PROOF_PATIENCE_SECONDS
                )
        return UpReport(plan, observed, applied, findings)


def plan_for(declared: Declared, fleet: Fleet) -> tuple[Plan, Observed]:
    """Observe and plan.

    A plan that changes something was made knowing every kernel; one that makes nodes, with all the doctor's checks.
    """
    observed = observe(fleet, kernel="auto")
    plan = make_plan(declared, observed)
    if plan.is_empty:
        return plan, observed
    observed = with_kernel_facts(fleet, observed)
    if not plan.makes_nodes:
        return make_plan(declared, observed), observed
    evidence = gather(fleet, declared.inventory, declared.stack, observed)
    found = examine(evidence, now=datetime.datetime.now(tz=datetime.UTC))
    return make_plan(declared, observed, found), observed


def apply_rounds(
    plan: Plan, declared: Declared, fleet: Fleet, observed: Observed, waiter: Waiter, writer: OneWriter
) -> tuple[tuple[Applied, ...], Observed]:
    """Apply *plan*, look again and apply what is still to do; return all that was applied and the last look."""
    rounds: list[Applied] = []
    while not plan.is_empty:
        if len(rounds) == ROUNDS:
            left = ", ".join(operation.step.summary for operation in plan.writes)
            raise NotConvergedError(f"after {ROUNDS} rounds there is still to do: {left}", "", "run the same again")
        waiter.progress.phase("apply")
        manager = first_manager(declared.inventory, observed)
        cancelled = threading.Event()
        wait_for = functools.partial(waiter.wait_for, cancelled=cancelled)
        applied = apply(plan, Context(fleet, waiter.progress, manager, wait_for, cancelled, writer.guard))
        rounds.append(applied)
        if any(outcome.status == "failed" for outcome in applied.failed) or (len(rounds) == ROUNDS and applied.failed):
            raise IncompleteError(applied)
        waiter.progress.phase("observe again")
        observed = observe(fleet, kernel="never")
        plan = make_plan(declared, observed)
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

    def wait_for(self, name: str, key: str, cancelled: threading.Event | None = None) -> str:
        manager = self._manager()
        return wait_for_service(
            name,
            key,
            fleet=self.fleet,
            manager=self.fleet[manager].engine,
            woken=self.woken,
            progress=self.progress,
            timeout_seconds=self.timeout_seconds,
            cancelled=cancelled,
        )

    def _manager(self) -> str:
        for name, reached in self.fleet.items():
            if reached.host.role == "manager" and reached.engine.info()["Swarm"].get("ControlAvailable"):
                return name
        raise SwarmkitError("no host of the inventory is a manager of a working swarm")

    def wait_for_stack(self, stack: Stack, observed: Observed) -> bool:
        """Wait for every service of *stack* that the last look did not see converged; tell whether there was one.

        Raises NotConvergedError with the causes of all that did not come up.
        """
        names = [f"{stack.name}_{service.name}" for service in stack.services]
        results = fan_out([name for name in names if not _was_converged(name, observed)], self._wait_shown)
        errors = [error for error in results.values() if isinstance(error, Exception)]
        for error in errors:
            if not isinstance(error, SwarmkitError):
                raise error
        if errors:
            raise NotConvergedError("\n".join(str(error) for error in errors))
        return bool(results)

    def _wait_shown(self, name: str) -> str:
        key = f"converge:{name}"
        self.progress.started(key, name, "waiting until it runs as declared")
        try:
            note = self.wait_for(name, key)
        except BaseException:
            self.progress.ended(key, ok=False)
            raise
        self.progress.ended(key, ok=True, note=note)
        return note


def _was_converged(name: str, observed: Observed) -> bool:
    """Tell whether the look that found nothing to do also saw the service with all its tasks running."""
    service = observed.cluster.service(name) if observed.cluster else None
    if observed.cluster is None or service is None or service.update_state not in ("", "completed"):
        return False
    tasks = [task for task in observed.cluster.tasks_of(service.id) if task.desired_state == "running"]
    wanted = ((service.spec.get("Mode") or {}).get("Replicated") or {}).get("Replicas", len(tasks))
    image: str = service.spec["TaskTemplate"]["ContainerSpec"]["Image"]
    return bool(sum(task.state == "running" and task.image == image for task in tasks) >= wanted)
