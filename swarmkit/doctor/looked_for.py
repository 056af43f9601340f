"""Which codes a run of the doctor looked for: what nothing was read of is not among them; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from swarmkit.doctor.codes import OF_DOCTOR, OF_STACKS
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.paths import untried_by_ipv6
from swarmkit.plan.networks.address_sheet import hosts_that_give_on_lans
from swarmkit.plan.networks.firewall_rules import ESP

_OF_KERNELS = frozenset({"H04", "H20"})
"""Tried as root."""
_OF_ROOT = frozenset({"H18", "H35"})
"""IPsec policies and certificates: read as root."""
_OF_WAYS = frozenset({"H06", "H17"})
"""H07 also tells that nothing could be tried."""

_OF_LOGINS = frozenset({"D11", "S08"})
"""Asked before anything is read."""


def looked_for(evidence: Evidence, only: Collection[str] = (), skip: Collection[str] = ()) -> tuple[str, ...]:
    """Return the codes that were looked for on any host: *only* these, when given, and none of *skip*."""
    unseen = frozenset(code for codes in _unseen(evidence) for code in codes)
    return tuple(code for code in OF_DOCTOR if _is_asked_for(code, only, skip) and code not in unseen)


def looked_for_without_root(only: Collection[str] = (), skip: Collection[str] = ()) -> tuple[str, ...]:
    """Return those of the codes that were looked for where no host that answered lets its login become root."""
    return tuple(code for code in OF_DOCTOR if _is_asked_for(code, only, skip) and code in _OF_LOGINS)


def _is_asked_for(code: str, only: Collection[str], skip: Collection[str]) -> bool:
    return (not only or code in only) and code not in skip


def _unseen(evidence: Evidence) -> Iterator[frozenset[str]]:
    if evidence.stack is None:
        yield OF_STACKS
    if all(facts.system.kernel is None for facts in evidence.observed.hosts.values()):
        yield _OF_KERNELS
    if all(host.said.get("user") == "other" for host in evidence.hosts.values()):
        yield _OF_ROOT
    if len(hosts_that_give_on_lans(evidence.networks)) < 2:
        yield frozenset({"D12"})
    if not any(way.kind == ESP for way in evidence.paths.ways):
        told = evidence.paths.untried or untried_by_ipv6(evidence.inventory, evidence.observed)
        yield _OF_WAYS if told else _OF_WAYS | {"H07"}
    if not any(host.become for host in (*evidence.inventory.hosts, *evidence.unread)):
        yield frozenset({"S08"})
