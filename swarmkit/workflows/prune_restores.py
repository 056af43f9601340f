"""`recover prune`: what restores have moved aside on hosts, removed for good."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import UnreachableError
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import with_set_aside
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied
from swarmkit.plan.progress import telling
from swarmkit.plan.restore.pruning import prune_plan
from swarmkit.reach.fleet import reach_some
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import whole


def prune_restores(inventory: Inventory, names: Sequence[str], terms: Terms) -> Applied | None:
    """Remove what lies aside on the hosts *names*, or on all; None when there was nothing or nobody agreed.

    The cluster's lock is not taken, for nothing of the swarm is touched; a restore that is at work on a host is waited
    for there. Raises UnreachableError or IncompleteError.
    """
    wanted = tuple(names) or tuple(host.name for host in inventory.hosts)
    terms.progress.phase("connect")
    reached = reach_some(inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress))
    with reached as (fleet, silent):
        if unreached := [name for name in wanted if name in silent]:
            whys = "\n".join(silent[name].what for name in unreached)
            to_do = f"bring them back, or name the others: {' '.join(name for name in wanted if name in fleet)}"
            raise UnreachableError(f"{', '.join(unreached)}: cannot be reached", whys, to_do)
        terms.progress.phase("observe")
        observed = with_set_aside(fleet, observe(fleet, kernel="never"))
        plan = prune_plan(observed, wanted)
        if not terms.confirm(plan) or plan.is_empty:
            return None
        terms.progress.phase("apply")
        return whole(apply(plan, Context(fleet, terms.progress, wanted[0])))
