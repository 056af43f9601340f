"""Hosts that the inventory has absent: asked where they answer; one that is switched off or gone stops nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.reach.engine_start import Tell
from swarmkit.reach.fleet import Fleet, Unreached, reach_some
from swarmkit.secret import Secret
from swarmkit.workflows.planning import import_planner, plan_for

_AWAY = "; where it is gone for good, take it out of the inventory"


@contextmanager
def reach_with_leaving(
    inventory: Inventory, *, sudo_password: Secret | None = None, on_waiting: Tell = lambda _: None
) -> Iterator[tuple[Fleet, Unreached]]:
    """Connect to every host, and to those that shall leave; yield them, and why each of the latter does not answer.

    Raises UnreachableError where one does not answer that is, or shall be, a node.
    """
    reached = reach_some(
        inventory.with_leaving,
        sudo_password=sudo_password,
        on_waiting=on_waiting,
        needed=[host.name for host in inventory.hosts],
        off=[host.name for host in inventory.leaving],
        meanwhile=import_planner,
    )
    with reached as (fleet, silent):
        yield fleet, silent


def plan_without(declared: Declared, silent: Unreached, fleet: Fleet) -> tuple[Plan, Observed]:
    """Observe *fleet* and plan, with a warning of each host that shall leave and is *silent*."""
    plan, observed = plan_for(declared, fleet)
    if not silent:
        return plan, observed
    from swarmkit.doctor.checks.reached import check_reached

    found = check_reached(declared.inventory, silent)
    told = (replace(one, severity="warning", remedy=one.remedy + _AWAY) for one in found)
    return replace(plan, warnings=(*plan.warnings, *told)), observed
