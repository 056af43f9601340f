"""`down`: remove what swarmkit made, after a confirmation by the cluster's name."""

from __future__ import annotations

from collections.abc import Callable

from swarmkit.errors import NotConvergedError
from swarmkit.observed.model import STACK_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.planner import first_manager
from swarmkit.plan.progress import Progress
from swarmkit.plan.stacks.teardown import make_teardown_plan
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.unfinished import IncompleteError, RefusedError


def down(
    declared: Declared,
    stack: str,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    volumes: bool = False,
    keep_swarm: bool = False,
    lock_wait_seconds: float = 0.0,
) -> Applied | None:
    """Remove *stack* and the swarm that swarmkit made; None when there was nothing to do or *confirm* declined.

    Volumes stay unless *volumes*; a swarm that swarmkit did not make, or that runs other services, stays always.
    """
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        observed = observe(fleet, kernel="never")
        plan = _plan(declared, stack, observed, fleet, volumes=volumes, keep_swarm=keep_swarm)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan) or plan.is_empty:
            return None
        with one_writer(fleet, observed, progress, "down", lock_wait_seconds) as writer:
            if writer.met_another:
                observed = observe(fleet, kernel="never")
                plan = _plan(declared, stack, observed, fleet, volumes=volumes, keep_swarm=keep_swarm)
                if plan.refusals:
                    raise RefusedError(plan)
                if not confirm(plan) or plan.is_empty:
                    return None
            progress.phase("apply")
            manager = first_manager(declared.inventory, observed)
            applied = apply(plan, Context(fleet, progress, manager, guard=writer.guard))
            if applied.failed:
                raise IncompleteError(applied)
        progress.phase("observe again")
        observed = observe(fleet, kernel="never")
        left = _plan(declared, stack, observed, fleet, volumes=volumes, keep_swarm=keep_swarm)
        if not left.is_empty:
            still = ", ".join(f"{operation.step.target}: {operation.step.summary}" for operation in left.writes)
            raise NotConvergedError("not all is removed", f"still to do: {still}", "run the same again")
        return applied


def _plan(declared: Declared, stack: str, observed: Observed, fleet: Fleet, *, volumes: bool, keep_swarm: bool) -> Plan:
    found = _volumes(fleet, stack) if volumes else {}
    return make_teardown_plan(declared.inventory, stack, observed, volumes=found, keep_swarm=keep_swarm)


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
