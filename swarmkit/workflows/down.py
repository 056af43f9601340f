"""`down`: remove what swarmkit made, after a confirmation by the cluster's name."""

from __future__ import annotations

from swarmkit.observed.model import STACK_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.joins import first_manager
from swarmkit.plan.progress import telling
from swarmkit.plan.stacks.teardown import make_teardown_plan
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.workflows.agreed_run import agreed_plan, check_nothing_left
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import whole


def down(
    declared: Declared, stack: str, terms: Terms, *, volumes: bool = False, keep_swarm: bool = False
) -> Applied | None:
    """Remove *stack* and the swarm that swarmkit made; None when there was nothing to do or nobody agreed.

    Volumes stay unless *volumes*; a swarm that swarmkit did not make, or that runs other services, stays always.
    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    inventory = declared.inventory

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        found = _volumes(fleet, stack) if volumes else {}
        return make_teardown_plan(inventory, stack, observed, volumes=found, keep_swarm=keep_swarm), observed

    terms.progress.phase("connect")
    with reach(inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress)) as fleet:
        with agreed_plan(terms, fleet, "down", look) as agreed:
            if agreed.writer is None:
                return None
            terms.progress.phase("apply")
            manager = first_manager(inventory, agreed.observed)
            applied = whole(apply(agreed.plan, Context(fleet, terms.progress, manager, guard=agreed.writer.guard)))
        terms.progress.phase("observe again")
        check_nothing_left(look(fleet), "not all is removed")
        return applied


def _volumes(fleet: Fleet, stack: str) -> dict[str, list[str]]:
    """Return the stack's volumes by host; raises what the first host that does not answer said."""
    label = {"label": [f"{STACK_LABEL}={stack}"]}
    answers = fan_out(fleet, lambda name: fleet[name].engine.find("volumes", label))
    found = {}
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            raise answer
        found[name] = [str(volume["Name"]) for volume in answer]
    return {name: names for name, names in found.items() if names}
