"""`rollback`: the whole stack back to what it ran before the last `up`, planned, shown, applied, read back, proved."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from swarmkit.converge.wait import wakeups
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.plan.stacks.record import Record
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.lost_hosts import telling_of_lost
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.unfinished import RefusedError
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, UpReport, apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back


def rollback(
    declared: Declared,
    stack: str,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    service_timeout_seconds: float = 300.0,
    verify: bool = True,
    lock_wait_seconds: float = 0.0,
) -> UpReport:
    """Take *stack* back and prove it; *confirm* sees the plan and is asked before the first write.

    Raises RefusedError, LockedError, IncompleteError, HostLostError or NotConvergedError; a declined confirmation
    returns a report without outcomes.
    """
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(declared.inventory, sudo_password=sudo_password))
        watched = resources.enter_context(telling_of_lost(fleet))
        progress.phase("observe")
        plan, target, observed = _plan(declared, stack, fleet)
        if not confirm(plan) or plan.is_empty:
            return UpReport(plan, observed)
        writer = resources.enter_context(one_writer(fleet, observed, progress, "rollback", lock_wait_seconds))
        if writer.met_another:
            plan, target, observed = _plan(declared, stack, fleet)
            if not confirm(plan) or plan.is_empty:
                return UpReport(plan, observed)
        woken = resources.enter_context(wakeups(fleet))
        waiter = Waiter(fleet, woken, progress, service_timeout_seconds, taken_back(plan, observed))

        def replan(seen: Observed) -> Plan:
            return make_rollback_plan(declared.inventory, stack, seen, declared.archives, target=target)[0]

        watched.observed = observed
        without_stack = replace(declared, stack=None)
        applied, observed = apply_rounds(plan, without_stack, fleet, observed, waiter, writer, replan=replan)
        watched.observed = observed
        progress.phase("converge")
        waiter.wait_for_services(target.services, observed)
        observed = observe(fleet, kernel="never")
        findings = _prove(declared, fleet, observed, progress) if verify else ()
        return UpReport(plan, observed, applied, findings)


def _plan(declared: Declared, stack: str, fleet: Fleet) -> tuple[Plan, Record, Observed]:
    """Observe and plan; raises RefusedError."""
    observed = observe(fleet, kernel="never")
    plan, target = make_rollback_plan(declared.inventory, stack, observed, declared.archives)
    if plan.refusals or target is None:
        raise RefusedError(plan)
    return plan, target, observed


def _prove(declared: Declared, fleet: Fleet, observed: Observed, progress: Progress) -> tuple[Finding, ...]:
    """Prove every service against its own spec: the stack file may say by now what ran in between."""
    progress.phase("verify")
    return prove(fleet, declared.inventory, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings
