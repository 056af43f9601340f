"""`rollback`: the whole stack back to what it ran before the last `up`, planned, shown, applied, read back, proved."""

from __future__ import annotations

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
from swarmkit.verify.prove import prove
from swarmkit.workflows.agreed_run import agreed_plan
from swarmkit.workflows.ended_change import note_end
from swarmkit.workflows.lost_hosts import telling_of_lost
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, UpReport, apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back


def rollback(declared: Declared, stack: str, terms: Terms, *, verify: bool = True) -> UpReport:
    """Take *stack* back and prove it.

    Raises RefusedError, LockedError, IncompleteError, HostLostError or NotConvergedError; where nobody agreed, the
    report has no outcomes.
    """

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        return _plan(declared, stack, observed)[0], observed

    progress = terms.progress
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(declared.inventory, sudo_password=terms.sudo_password))
        watched = resources.enter_context(telling_of_lost(fleet))
        agreed = resources.enter_context(agreed_plan(terms, fleet, "rollback", look))
        if agreed.writer is None:
            return UpReport(agreed.plan, agreed.observed)
        target = _plan(declared, stack, agreed.observed)[1]
        assert target is not None  # noqa: S101 - its plan was not refused
        woken = resources.enter_context(wakeups(fleet))
        back = taken_back(agreed.plan, agreed.observed)
        waiter = Waiter(fleet, woken, progress, terms.service_timeout_seconds, back)
        watched.observed = agreed.observed
        applied, observed = apply_rounds(
            agreed.plan,
            replace(declared, stack=None),
            fleet,
            agreed.observed,
            waiter,
            agreed.writer,
            replan=lambda seen: _plan(declared, stack, seen, target)[0],
        )
        watched.observed = observed
        progress.phase("converge")
        waiter.wait_for_services(target.services, observed)
        note_end(fleet, observed, stack, agreed.writer)
        observed = observe(fleet, kernel="never")
        findings = _prove(declared, fleet, observed, progress) if verify else ()
        return UpReport(agreed.plan, observed, applied, findings)


def _plan(
    declared: Declared, stack: str, observed: Observed, target: Record | None = None
) -> tuple[Plan, Record | None]:
    return make_rollback_plan(declared.inventory, stack, observed, declared.archives, target=target)


def _prove(declared: Declared, fleet: Fleet, observed: Observed, progress: Progress) -> tuple[Finding, ...]:
    """Prove every service against its own spec: the stack file may say by now what ran in between."""
    progress.phase("verify")
    patience = PROOF_PATIENCE_SECONDS
    proof = prove(fleet, declared.inventory, None, observed, patience_seconds=patience, all_must_answer=True)
    return proof.findings
