"""What the workflows on networks share: where they run, and plan, agreement, apply and reading back."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError, NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import telling
from swarmkit.reach.fleet import Fleet, Unreached, reach
from swarmkit.workflows.agreed_run import agreed_plan
from swarmkit.workflows.some_hosts import reach_needed
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
    chosen = _chosen(run, on)
    run.terms.progress.phase("connect")
    with reach(run.inventory, sudo_password=run.terms.sudo_password, on_waiting=telling(run.terms.progress)) as fleet:
        yield fleet, chosen


@contextmanager
def reached_one(run: NetworkRun, host: str) -> Iterator[tuple[Fleet, Unreached]]:
    """Connect to all hosts, of which *host* alone has to answer; give those that do, and why each other does not."""
    needed = _chosen(run, [host])
    run.terms.progress.phase("connect")
    with reach_needed(
        run.inventory, needed, sudo_password=run.terms.sudo_password, on_waiting=telling(run.terms.progress)
    ) as reached:
        yield reached


def _chosen(run: NetworkRun, on: Sequence[str]) -> list[str]:
    names = [host.name for host in run.inventory.hosts]
    unknown = [name for name in on if name not in names]
    if unknown:
        raise InputError(f"no host {', '.join(unknown)} in the inventory", to_do=f"its hosts are {', '.join(names)}")
    return list(on) or names


def plan_and_apply(
    run: NetworkRun, fleet: Fleet, make_plan: Callable[[], Plan], *, empty_after: bool = True
) -> Applied | None:
    """Plan, ask, apply; then plan again, which must leave nothing to do."""
    run.terms.progress.phase("observe")
    plan = make_plan()
    if plan.refusals:
        raise RefusedError(plan)
    if not run.terms.confirm(plan) or plan.is_empty:
        return None
    return _applied(run, plan, Context(fleet, run.terms.progress, _first(plan)), make_plan if empty_after else None)


def plan_and_apply_alone(
    run: NetworkRun, fleet: Fleet, purpose: str, make_plan: Callable[[Observed], Plan], *, empty_after: bool = True
) -> Applied | None:
    """As plan_and_apply, while no other run changes the cluster: one that has made a network needs it in a moment.

    Hosts without a swarm have nobody who keeps a lock.
    """

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        return make_plan(observed), observed

    with agreed_plan(run.terms, fleet, purpose, look) as agreed:
        if agreed.writer is None:
            return None
        context = Context(fleet, run.terms.progress, _first(agreed.plan))
        if agreed.observed.cluster:
            context.guard = agreed.writer.guard
        again = functools.partial(make_plan, agreed.observed)
        return _applied(run, agreed.plan, context, again if empty_after else None)


def _first(plan: Plan) -> str:
    return plan.operations[0].step.target


def _applied(run: NetworkRun, plan: Plan, context: Context, look_again: Callable[[], Plan] | None) -> Applied:
    run.terms.progress.phase("apply")
    applied = whole(apply(plan, context))
    if look_again:
        run.terms.progress.phase("observe again")
        left = look_again()
        if left.refusals or not left.is_empty:
            raise NotConvergedError("the network is not as asked for", "", "see: swarmkit network inspect")
    return applied
