"""What runs that change something go through: a plan agreed to, one writer, applied, looked at again."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.nodes.joins import first_manager
from swarmkit.plan.progress import telling
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.workflows.joining import Look, settled
from swarmkit.workflows.one_writer import OneWriter, one_writer
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError, whole
from swarmkit.workflows.waiting import Waiter, taken_back

RUN_AGAIN = "run the same again"


@dataclass(frozen=True)
class Change:
    """One change of a cluster: what it is for, what it plans, and what stands before a list of what it left."""

    inventory: Inventory
    purpose: str
    look: Look
    unfinished: str
    look_again: Look | None = None
    """Looks once more after the change, and must find nothing to do; by default as before it."""
    go_on: str = RUN_AGAIN
    """What does the rest."""


@dataclass(frozen=True)
class AgreedPlan:
    plan: Plan
    observed: Observed
    writer: OneWriter | None = None
    """None where there is nothing to do, or nobody agreed."""


@contextmanager
def agreed_plan(terms: Terms, fleet: Fleet, purpose: str, look: Look) -> Iterator[AgreedPlan]:
    """Yield the plan that was shown, and if it was agreed to, hold the cluster: this run alone may write in the block.

    Raises RefusedError or LockedError.
    """
    terms.progress.phase("observe")
    plan, observed = unrefused(settled(fleet, look, terms.progress))
    if not terms.confirm(plan) or plan.is_empty:
        yield AgreedPlan(plan, observed)
        return
    with one_writer(fleet, observed, terms.progress, purpose, terms.lock_wait_seconds) as writer:
        if writer.met_another:
            plan, observed = unrefused(look(fleet))
            if not terms.confirm(plan) or plan.is_empty:
                yield AgreedPlan(plan, observed)
                return
        yield AgreedPlan(plan, observed, writer)


def unrefused(seen: tuple[Plan, Observed]) -> tuple[Plan, Observed]:
    """Return what was *seen*; raises RefusedError for a plan that cannot be."""
    if seen[0].refusals:
        raise RefusedError(seen[0])
    return seen


def carry_out(terms: Terms, change: Change) -> Applied | None:
    """Do *change*; None when there was nothing to do or nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    terms.progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(
            reach(change.inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress))
        )
        agreed = resources.enter_context(agreed_plan(terms, fleet, change.purpose, change.look))
        if agreed.writer is None:
            return None
        terms.progress.phase("apply")
        woken = resources.enter_context(wakeups(fleet))
        back = taken_back(agreed.plan, agreed.observed)
        waiter = Waiter(fleet, woken, terms.progress, terms.service_timeout_seconds, back)
        manager = first_manager(change.inventory, agreed.observed)
        applied = _apply(agreed.plan, waiter, manager, agreed.writer.guard)
        terms.progress.phase("observe again")
        look = change.look_again or change.look
        check_nothing_left(look(fleet), change.unfinished, change.go_on)
        return applied


def _apply(plan: Plan, waiter: Waiter, manager: str, guard: Callable[[Step], None]) -> Applied:
    cancelled = threading.Event()
    wait_for = functools.partial(waiter.wait_for, cancelled=cancelled)
    return whole(apply(plan, Context(waiter.fleet, waiter.progress, manager, wait_for, cancelled, guard)))


def check_nothing_left(seen: tuple[Plan, Observed], unfinished: str, go_on: str = RUN_AGAIN) -> None:
    """Raise NotConvergedError, beginning with *unfinished*, for a plan that still has something to do."""
    left, _ = unrefused(seen)
    if not left.is_empty:
        still = ", ".join(f"{one.step.target}: {one.step.summary}" for one in left.writes)
        raise NotConvergedError(unfinished, f"still to do: {still}", go_on)
