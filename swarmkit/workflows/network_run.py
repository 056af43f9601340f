"""What the workflows on networks share: where they run, and plan, agreement, apply and reading back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError, NotConvergedError
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError, whole


@dataclass(frozen=True)
class NetworkRun:
    """Where a command on networks or containers runs, and on which terms."""

    inventory: Inventory
    terms: Terms


@contextmanager
def reached(run: NetworkRun, on: Sequence[str]) -> Iterator[tuple[Fleet, list[str]]]:
    """Connect to all hosts and give them with the names chosen by *on*; raises InputError for an unknown name."""
    names = [host.name for host in run.inventory.hosts]
    unknown = [name for name in on if name not in names]
    if unknown:
        raise InputError(f"no host {', '.join(unknown)} in the inventory", to_do=f"its hosts are {', '.join(names)}")
    run.terms.progress.phase("connect")
    with reach(run.inventory, sudo_password=run.terms.sudo_password) as fleet:
        run.terms.progress.phase("observe")
        yield fleet, list(on) or names


def plan_and_apply(
    run: NetworkRun, fleet: Fleet, make_plan: Callable[[], Plan], *, empty_after: bool = True
) -> Applied | None:
    """Plan, ask, apply; then plan again, which must leave nothing to do."""
    plan = make_plan()
    if plan.refusals:
        raise RefusedError(plan)
    if not run.terms.confirm(plan) or plan.is_empty:
        return None
    run.terms.progress.phase("apply")
    applied = whole(apply(plan, Context(fleet, run.terms.progress, plan.operations[0].step.target)))
    if empty_after:
        run.terms.progress.phase("observe again")
        left = make_plan()
        if left.refusals or not left.is_empty:
            raise NotConvergedError("the network is not as asked for", "", "see: swarmkit network inspect")
    return applied
