"""`recover undo-restore`: a manager's host back to the swarm's state that a restore moved aside."""

from __future__ import annotations

import datetime

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import UnreachableError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import set_aside
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied
from swarmkit.plan.progress import Progress, telling
from swarmkit.plan.restore.undo import undo_plan
from swarmkit.reach.fleet import Fleet, reach_some
from swarmkit.reach.heartbeat import living_holder
from swarmkit.reach.lock import LOCK_NAME, Holder, LockedError
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError, whole


def undo_restore(inventory: Inventory, name: str, terms: Terms) -> Applied | None:
    """Put the newest state that a restore moved aside on the host *name* back; None when nobody agreed.

    The cluster's lock is in the state that goes, so it is not taken: a run that holds it is told, and so is one that
    undoes at the same time, by the host itself. Raises RefusedError, LockedError or IncompleteError.
    """
    terms.progress.phase("connect")
    reached = reach_some(inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress))
    with reached as (fleet, silent):
        if name not in fleet:
            raise UnreachableError(f"{name}: cannot be reached", silent[name].what, "bring it back first")
        terms.progress.phase("observe")
        observed = observe(fleet, kernel="never")
        now = f"{datetime.datetime.now(tz=datetime.UTC):%Y%m%dT%H%M%SZ}"
        found = set_aside(fleet[name], observed.hosts[name].engine.root_dir)
        aside = [one for one in found if one.is_before_restore]
        plan = undo_plan(inventory.host(name), observed, aside, now)
        if plan.refusals:
            raise RefusedError(plan)
        _refuse_if_held(fleet, observed, terms.progress)
        if not terms.confirm(plan):
            return None
        terms.progress.phase("apply")
        return whole(apply(plan, Context(fleet, terms.progress, name)))


def _refuse_if_held(fleet: Fleet, observed: Observed, progress: Progress) -> None:
    """Raise LockedError while a run that lives holds the cluster; after a restore it has its own backup's lock."""
    configs = observed.cluster.configs if observed.cluster else ()
    left = [Holder.in_labels(dict(config.labels)) for config in configs if config.name == LOCK_NAME]
    if not left or left[0].is_known_dead():
        return
    progress.phase("look for a heartbeat")
    managers = [fleet[name].engine for name, facts in observed.hosts.items() if facts.engine.is_manager]
    if holder := living_holder(managers):
        what = "another run holds the cluster, nothing was changed"
        raise LockedError(what, str(holder), "wait for it to end")
