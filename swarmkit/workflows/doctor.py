"""`doctor`: read everything, try every way between the hosts, check. Hosts stay as they are, but for kernel modules."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable

from swarmkit.declared.inventory.host import Inventory
from swarmkit.doctor.checks.reached import check_reached, check_sudo
from swarmkit.doctor.evidence import gather
from swarmkit.doctor.examine import examine, in_order
from swarmkit.doctor.looked_for import looked_for, looked_for_without_root
from swarmkit.doctor.model import Diagnosis
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.logins import for_logins
from swarmkit.plan.progress import Progress, telling
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.fleet import NoneReachedError, reach_some
from swarmkit.secret import Secret


def doctor(
    declared: Declared,
    *,
    progress: Progress,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    sudo_password: Secret | None = None,
) -> Diagnosis:
    """Check the hosts of the inventory, and the stack against them if one is given.

    A host that cannot be reached is a finding, as is one whose sudo does not make root; the others are checked.
    """
    progress.phase("connect")
    try:
        return _diagnosis(declared, progress, only, skip, sudo_password)
    except NoneReachedError as error:
        return _unread(declared.inventory, check_reached(declared.inventory, error.failures), only, skip)


def _diagnosis(
    declared: Declared,
    progress: Progress,
    only: Collection[str],
    skip: Collection[str],
    sudo_password: Secret | None,
) -> Diagnosis:
    reached = reach_some(declared.inventory, sudo_password=sudo_password, on_waiting=telling(progress), in_turn=True)
    with reached as (fleet, silent):
        progress.phase("read and probe")
        powerless = check_sudo(fleet)
        usable = {name: reached for name, reached in fleet.items() if name not in powerless}
        if not usable:
            told = (*check_reached(declared.inventory, silent), *powerless.values())
            return _unread(declared.inventory, told, only, skip)
        evidence, _, lost = of_those_that_answer(
            usable, lambda those: gather(those, declared.inventory, declared.stack)
        )
        silent = {**silent, **lost}
        first = (*check_reached(declared.inventory, silent), *powerless.values())
        found = examine(evidence, now=datetime.datetime.now(tz=datetime.UTC), first=first, only=only, skip=skip)
        cluster = evidence.observed.cluster
        found = for_logins(found, declared.inventory, cluster.told_by if cluster else "")
        unread = (*silent, *powerless)
        checks = looked_for(evidence, only, skip)
        return Diagnosis(found, evidence.paths.ways, tuple(evidence.hosts), checks, unread)


def _unread(inventory: Inventory, told: Iterable[Finding], only: Collection[str], skip: Collection[str]) -> Diagnosis:
    """Return what is said where no host could be read: of each, why."""
    told = tuple(told)
    found = for_logins(in_order(told, only, skip), inventory, "")
    return Diagnosis(found, (), (), looked_for_without_root(only, skip), tuple(one.where for one in told))
