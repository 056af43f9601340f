"""`rotate`, `autolock` and `unlock`: one change of a swarm's credentials, shown, applied and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.credentials.operations import KeyFile
from swarmkit.plan.credentials.plans import Change, credential_plan, unlock_plan
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.planner import first_manager
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.unfinished import IncompleteError, RefusedError


def change_credentials(
    inventory: Inventory,
    change: Change,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    key_file: KeyFile | None = None,
    sudo_password: Secret | None = None,
    lock_wait_seconds: float = 0.0,
) -> Applied | None:
    """Do *change*; None when there was nothing to do or *confirm* declined."""

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        plan = credential_plan(inventory, observed, change, key_file)
        if plan.refusals:
            raise RefusedError(plan)
        return plan, observed

    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(inventory, sudo_password=sudo_password))
        progress.phase("observe")
        plan, observed = look(fleet)
        if not confirm(plan) or plan.is_empty:
            return None
        writer = resources.enter_context(one_writer(fleet, observed, progress, change, lock_wait_seconds))
        if writer.met_another:
            plan, observed = look(fleet)
            if not confirm(plan) or plan.is_empty:
                return None
        progress.phase("apply")
        manager = first_manager(inventory, observed)
        return _whole(apply(plan, Context(fleet, progress, manager, guard=writer.guard)))


def unlock(
    inventory: Inventory,
    keys: Sequence[Secret],
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
) -> Applied | None:
    """Unlock every locked manager with *keys*, the likeliest first; None when none is locked.

    Holds no lock: nobody could keep one.
    """
    progress.phase("connect")
    with reach(inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        observed = observe(fleet, kernel="never")
        plan = unlock_plan(observed, keys)
        if not confirm(plan) or plan.is_empty:
            return None
        progress.phase("apply")
        return _whole(apply(plan, Context(fleet, progress, first_manager(inventory, observed))))


def _whole(applied: Applied) -> Applied:
    if applied.failed:
        raise IncompleteError(applied)
    return applied
