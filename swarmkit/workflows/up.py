"""`up`: observe, plan, show, apply, observe again until nothing is left to do, converge, prove."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmkit.converge.wait import wakeups
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import NotConvergedError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import with_cluster_now
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import Progress, telling
from swarmkit.reach.fleet import Fleet, Unreached
from swarmkit.workflows.joining import settled
from swarmkit.workflows.leaving_hosts import plan_without, reach_with_leaving
from swarmkit.workflows.lost_hosts import telling_of_lost
from swarmkit.workflows.planning import look_at, members
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import IncompleteError, RefusedError
from swarmkit.workflows.waiting import Waiter, taken_back

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
    """What was proved; empty when there was nothing to change, wait for or see through, or no proof was asked for."""
    silent: Unreached = field(default_factory=dict)
    """Hosts where nobody looked, why, and where no proof tells it."""
    left_out: tuple[str, ...] = ()
    """Services that were not waited for, as such hosts alone may run them."""

    @property
    def proof_failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def up(declared: Declared, terms: Terms, *, verify: bool = True) -> UpReport:
    """Bring the hosts to what is declared and prove it.

    Raises RefusedError, LockedError, IncompleteError, HostLostError or NotConvergedError; where nobody agreed, the
    report has no outcomes.
    """
    progress, confirm = terms.progress, terms.confirm
    progress.phase("connect")
    reached = reach_with_leaving(declared.inventory, sudo_password=terms.sudo_password, on_waiting=telling(progress))
    with reached as (fleet, silent), telling_of_lost(fleet) as watched:
        look = functools.partial(plan_without, declared, silent)
        progress.phase("observe")
        plan, observed = settled(fleet, look, progress)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return UpReport(plan, observed)
        with ExitStack() as resources:
            woken = resources.enter_context(wakeups(fleet))
            waiter = Waiter(fleet, woken, progress, terms.service_timeout_seconds, taken_back(plan, observed))
            applied: tuple[Applied, ...] = ()
            writer: OneWriter | None = None
            from swarmkit.workflows.one_writer import give_back_for_the_dead, one_writer

            goes_on = plan.is_empty and _goes_on(declared.stack, observed, progress, verify=verify)
            if plan.is_empty and not goes_on:
                give_back_for_the_dead(fleet, observed, progress, "up")
            else:
                writer = resources.enter_context(one_writer(fleet, observed, progress, "up", terms.lock_wait_seconds))
                if writer.met_another:
                    plan, observed = look(fleet)
                    if plan.refusals:
                        raise RefusedError(plan)
                    if not confirm(plan):
                        return UpReport(plan, observed)
                watched.observed = observed
                applied, observed = apply_rounds(plan, declared, fleet, observed, waiter, writer)
            watched.observed = observed
            waited = False
            if declared.stack is not None:
                waited = _converge(declared.stack, fleet, observed, waiter, writer) or goes_on
        findings: tuple[Finding, ...] = ()
        if applied or waited:
            # The hosts were read after the last write; since then tasks alone came and went.
            observed = with_cluster_now(fleet, observed)
            findings = _proved(declared, fleet, observed, terms) if verify else ()
        return UpReport(plan, observed, applied, findings)


def _proved(declared: Declared, fleet: Fleet, observed: Observed, terms: Terms) -> tuple[Finding, ...]:
    """Prove what is declared, and write down where that does not hold, or holds again."""
    from swarmkit.plan.nodes.departures import of_members
    from swarmkit.verify.prove import prove

    terms.progress.phase("verify")
    findings = prove(
        members(fleet, declared.inventory),
        declared.inventory,
        declared.stack,
        of_members(declared.inventory, observed),
        patience_seconds=PROOF_PATIENCE_SECONDS,
        all_must_answer=True,
    ).findings
    if declared.stack is not None:
        holds = not any(finding.severity == "error" for finding in findings)
        _note_proof(fleet, observed, declared.stack.name, terms, holds=holds)
    return findings


def _goes_on(stack: Stack | None, observed: Observed, progress: Progress, *, verify: bool) -> bool:
    """Tell whether a change of *stack*, all of it written, is left that no run has seen through or proved."""
    from swarmkit.workflows.ended_change import why_it_goes_on

    why = why_it_goes_on(observed, stack.name, verify=verify) if stack else ""
    if why:
        progress.warned("observe", why)
    return bool(why)


def _note_proof(fleet: Fleet, observed: Observed, stack: str, terms: Terms, *, holds: bool) -> None:
    """Write down that the proof does not hold, or holds again; another run that holds the cluster will prove itself."""
    from swarmkit.reach.lock import LockedError
    from swarmkit.workflows.ended_change import is_unproved, note_proof
    from swarmkit.workflows.one_writer import one_writer

    if is_unproved(observed, stack) == (not holds):
        return
    with suppress(LockedError), one_writer(fleet, observed, terms.progress, "up", 0) as writer:
        if not writer.met_another:
            note_proof(fleet, observed, stack, writer, holds=holds)


def _converge(stack: Stack, fleet: Fleet, observed: Observed, waiter: Waiter, writer: OneWriter | None) -> bool:
    """Wait for the services of *stack*, note that its *writer* is done with them; tell whether any was behind."""
    waiter.progress.phase("converge")
    waited = waiter.wait_for_services([f"{stack.name}_{service.name}" for service in stack.services], observed)
    if writer:
        from swarmkit.workflows.ended_change import note_end

        note_end(fleet, observed, stack.name, writer)
    return waited


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
    from swarmkit.plan.nodes.joins import first_manager
    from swarmkit.plan.planner import make_plan
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
            raise RefusedError(plan, rounds)
    return tuple(rounds), observed
