"""`rotate`, `autolock` and `unlock`: one change of a swarm's credentials, shown, applied and read back."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.credentials.operations import KeyFile
from swarmkit.plan.credentials.plans import Change, credential_plan, unlock_plan
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.joins import first_manager
from swarmkit.plan.progress import telling
from swarmkit.reach.fleet import Fleet, reach, reach_some
from swarmkit.secret import Secret
from swarmkit.workflows.agreed_run import agreed_plan
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import whole


def change_credentials(
    inventory: Inventory, change: Change, terms: Terms, *, key_file: KeyFile | None = None
) -> Applied | None:
    """Do *change*; None when there was nothing to do or nobody agreed.

    Raises RefusedError, LockedError or IncompleteError. Nothing is planned again: it would be the next rotation.
    """

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        return credential_plan(inventory, observed, change, key_file), observed

    terms.progress.phase("connect")
    with (
        reach(inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress)) as fleet,
        agreed_plan(terms, fleet, change, look) as agreed,
    ):
        if agreed.writer is None:
            return None
        terms.progress.phase("apply")
        manager = first_manager(inventory, agreed.observed)
        return whole(apply(agreed.plan, Context(fleet, terms.progress, manager, guard=agreed.writer.guard)))


def unlock(inventory: Inventory, keys: Sequence[Secret], terms: Terms) -> Applied | None:
    """Unlock every locked manager with *keys*, the likeliest first; None when none is locked.

    Holds no lock: nobody could keep one. A host that does not answer keeps none of the others locked, and is told.
    """
    terms.progress.phase("connect")
    reached = reach_some(inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress))
    with reached as (fleet, silent):
        terms.progress.phase("observe")
        observed = observe(fleet, kernel="never")
        plan = unlock_plan(observed, keys, silent)
        if not terms.confirm(plan) or plan.is_empty:
            return None
        terms.progress.phase("apply")
        manager = next(operation.step.target for operation in plan.operations)
        return whole(apply(plan, Context(fleet, terms.progress, manager)))
