"""`history --cluster`: the runs that the managers remember."""

from __future__ import annotations

from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.journal.record import RunRecord
from swarmkit.reach.any_manager import AnyManager
from swarmkit.reach.cluster_history import kept_runs
from swarmkit.reach.engine_start import Tell
from swarmkit.reach.fleet import reach_some
from swarmkit.secret import Secret


def cluster_history(
    inventory: Inventory, *, sudo_password: Secret | None = None, on_waiting: Tell = lambda _: None
) -> list[RunRecord]:
    """Return the last runs that changed the cluster, from whichever machine, the newest first. Never writes."""
    with reach_some(inventory, sudo_password=sudo_password, on_waiting=on_waiting) as (fleet, _):
        managers_first = sorted(fleet.values(), key=lambda reached: reached.host.role != "manager")
        runs = kept_runs(AnyManager(reached.engine for reached in managers_first))
    return [replace(run, cluster=inventory.cluster) for run in runs]
