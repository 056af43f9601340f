"""What needs a few hosts of the inventory, or none in particular, while others do not answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from swarmkit.declared.inventory.host import Inventory
from swarmkit.doctor.checks.reached import check_reached
from swarmkit.errors import UnreachableError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.model import Plan
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.engine_start import Tell
from swarmkit.reach.fleet import Fleet, Unreached, reach_some
from swarmkit.secret import Secret

T = TypeVar("T")


@contextmanager
def reach_needed(
    inventory: Inventory,
    needed: Collection[str],
    *,
    sudo_password: Secret | None = None,
    on_waiting: Tell = lambda _: None,
) -> Iterator[tuple[Fleet, Unreached]]:
    """Connect to every host; yield those that answer, and why each of the others does not.

    Raises why one of those *needed* does not.
    """
    with reach_some(inventory, sudo_password=sudo_password, on_waiting=on_waiting) as (fleet, silent):
        raise_for_needed(needed, silent)
        yield fleet, silent


def of_answering(fleet: Fleet, needed: Collection[str], read: Callable[[Fleet], T]) -> tuple[T, Unreached]:
    """Return what *read* gives of the hosts that go on answering, and why each of the others does not.

    Raises why one of those *needed* does not.
    """
    said, _, lost = of_those_that_answer(fleet, read)
    raise_for_needed(needed, lost)
    return said, lost


def raise_for_needed(needed: Collection[str], silent: Unreached) -> None:
    """Raise why the first of *needed* is *silent*, where one is."""
    for name in needed:
        if name in silent:
            raise silent[name]


def answering_hosts(inventory: Inventory, silent: Collection[str]) -> Inventory:
    """Return *inventory* without those that are *silent*."""
    return replace(inventory, hosts=tuple(host for host in inventory.hosts if host.name not in silent))


def in_cluster(inventory: Inventory, observed: Observed) -> Inventory:
    """Return *inventory* without hosts that are no node of the cluster, which none of its tasks and ports is on."""
    cluster = observed.cluster
    nodes = tuple(
        host for host in inventory.hosts if cluster and cluster.node(observed.hosts[host.name].engine.node_id)
    )
    return replace(inventory, hosts=nodes)


def cluster_of(observed: Observed, silent: Unreached) -> ClusterState | None:
    """Return the cluster; raises UnreachableError where none was read and a host that is *silent* may tell of one."""
    if observed.cluster is None and silent:
        why = "\n".join(filter(None, [observed.cluster_error, *map(str, silent.values())]))
        raise UnreachableError("no manager of a swarm answers", why, "bring one of its managers back")
    return observed.cluster


def with_silent(plan: Plan, inventory: Inventory, silent: Unreached) -> Plan:
    """Return *plan* with a warning of each host that does not answer, and that it was made without.

    A refused one shows no warnings: there what is said of networks tells whom nobody could ask.
    """
    if not silent or (plan.is_empty and not plan.refusals):
        return plan
    if plan.refusals:
        return replace(plan, refusals=tuple(_unasked(refusal, silent) for refusal in plan.refusals))
    told = (replace(finding, severity="warning") for finding in check_reached(inventory, silent))
    return replace(plan, warnings=(*plan.warnings, *told))


def _unasked(refusal: Finding, silent: Unreached) -> Finding:
    if refusal.code != "D14":
        return refusal
    evidence = "; ".join(filter(None, [refusal.evidence, f"not asked, for no answer comes: {', '.join(silent)}"]))
    return replace(refusal, evidence=evidence)
