"""What follows from a common cause: a host that is cut off, whose address another host has too, or whose links are
down, a way that nothing passes; pure.

Of a cut follows what is found of a way that leads from one part of the nodes to another; of an address that two hosts
have, what is found of a way that ends at its owner; of a link that is down, what is found of an overlay's ways that end
at its host; of a way on which nothing of the swarm's own traffic gets through, what is found of an overlay's ways
between its two ends; nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from swarmkit.finding import Finding
from swarmkit.plan.nodes.doubled_addresses import Doubled
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.ways.cut_off import Part, parts_of
from swarmkit.verify.ways.down_links import DownLink
from swarmkit.verify.ways.gossip import TriedWay
from swarmkit.verify.ways.published import NO_RULE

_OF_WAYS = frozenset(
    (
        *(codes.NAME, codes.CONNECTION, codes.ESP_STATE, codes.ESP_TRAFFIC),
        *(codes.ENCRYPTION, codes.PAYLOAD, codes.GOSSIP),
    )
)
"""What says that something does not get through; frames that were seen in clear (V16) follow from no cause."""
_OF_OVERLAYS = frozenset((codes.CONNECTION, codes.ESP_TRAFFIC, codes.ENCRYPTION, codes.PAYLOAD))
_WAY = re.compile(r"(?:.*@)?(?P<source>[^@ ]+) <?-> (?P<target>\S+)")
_ASKER = re.compile(r"from (\S+): ")
_NOT_READY = re.compile(r"\S+ is not the node that is declared: (?:(?:state|as a manager it) is [^;]*(?:; |$))+")

AreApart = Callable[[str, str], bool]
"""Tells of two hosts whether a cause lies between them."""


def with_causes(
    findings: Iterable[Finding],
    tried: Sequence[TriedWay],
    doubled: Iterable[Doubled],
    links: Iterable[DownLink],
    live: Live,
    told_by: str,
) -> tuple[Finding, ...]:
    """Return *findings* with the causes first, and what follows from each marked.

    *told_by* is the manager that told of the nodes.
    """
    found, owners = tuple(findings), {one.owner for one in doubled}
    hosts_of = {service.name: {task.host for task in service.tasks} for service in live.services}
    part_of = {host: part for part in parts_of(tried) for host in part}
    # The address first: it is what cuts its owner off, and what follows is counted beneath one cause, not two.
    if owners:
        follows = _Following(lambda *ends: bool({*ends} & owners), part_of, hosts_of, told_by)
        found = _marked(found, codes.TWICE, lambda one: _is_cut(one, owners) or follows(one))
    if len(set(part_of.values())) > 1:
        follows = _Following(lambda *ends: _are_in_two(part_of, *ends), part_of, hosts_of, told_by)
        found = _marked(found, codes.CUT, follows)
    if silent := frozenset((one.way.source, one.way.target) for one in tried if one.wrong and not one.told):
        found = _marked(found, codes.GOSSIP, lambda one: _is_behind(one, silent, hosts_of))
    if without := {one.host for one in links}:
        found = _marked(found, codes.LINK, lambda one: _ends_at(one, without, hosts_of))
    found = _with_ports_from_here(found)
    causes = (codes.TWICE, codes.CUT, codes.LINK)
    return tuple(sorted(found, key=lambda one: causes.index(one.code) if one.code in causes else len(causes)))


def _with_ports_from_here(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return *findings*, each port that does not answer from here as a cost of why it answers no host, or of that."""
    closed = {
        one.where.rpartition(" at ")[2]: one.follows_from or one.code
        for one in findings
        if one.code == codes.PUBLISHED and one.severity == "error"
    }
    return tuple(
        replace(one, follows_from=closed[one.where])
        if one.code == codes.PUBLISHED_HERE and one.severity != "ok" and not one.follows_from and one.where in closed
        else one
        for one in findings
    )


def _are_in_two(part_of: Mapping[str, Part], one: str, other: str) -> bool:
    return one in part_of and other in part_of and part_of[one] != part_of[other]


def _is_cut(finding: Finding, hosts: Collection[str]) -> bool:
    return finding.code == codes.CUT and finding.where in hosts


def _ends_at(finding: Finding, hosts: Collection[str], hosts_of: Mapping[str, Collection[str]]) -> bool:
    """Tell whether *finding* says of an overlay that nothing gets through on a way from or to one of *hosts*."""
    if finding.code == codes.PUBLISHED:
        service, _, host = finding.where.rpartition(" at ")
        return NO_RULE not in finding.evidence and bool({host, *hosts_of.get(service, ())} & {*hosts})
    is_silent = finding.code in _OF_OVERLAYS and not finding.is_broken
    return is_silent and any({*ends} & {*hosts} for ends in _ends(finding.where, hosts_of))


def _is_behind(finding: Finding, silent: Collection[tuple[str, str]], hosts_of: Mapping[str, Collection[str]]) -> bool:
    """Tell whether *finding* says no more than that nothing passes where a way between two hosts is *silent*."""

    def are_apart(one: str, other: str) -> bool:
        return (one, other) in silent or (other, one) in silent

    if finding.code == codes.PUBLISHED:
        service, _, host = finding.where.rpartition(" at ")
        leads_there = any(are_apart(host, of_task) for of_task in hosts_of.get(service, ()))
        askers = _ASKER.findall(finding.evidence)
        is_lost = leads_there or (bool(askers) and all(are_apart(asker, host) for asker in askers))
        return NO_RULE not in finding.evidence and is_lost
    is_of_ways = finding.code in (codes.NAME, *_OF_OVERLAYS) and not finding.is_broken
    return is_of_ways and any(are_apart(*ends) for ends in _ends(finding.where, hosts_of))


def _marked(findings: Iterable[Finding], cause: str, follows: Callable[[Finding], bool]) -> tuple[Finding, ...]:
    return tuple(
        replace(one, follows_from=cause) if one.severity != "ok" and not one.follows_from and follows(one) else one
        for one in findings
    )


@dataclass(frozen=True)
class _Following:
    """Tells of a finding whether it follows from what lies between hosts that are apart."""

    are_apart: AreApart
    nodes: Collection[str]
    hosts_of: Mapping[str, Collection[str]]
    told_by: str

    def __call__(self, finding: Finding) -> bool:
        if finding.code == codes.NODE:
            return self.are_apart(self.told_by, finding.where) and bool(_NOT_READY.fullmatch(finding.what))
        service, _, host = finding.where.rpartition(" at ")
        if finding.code == codes.PUBLISHED:
            # A node takes its rules away itself when gossip gives up the last task that it would lead to.
            forgot_them = all(self.are_apart(host, of_task) for of_task in self.hosts_of.get(service, ()))
            return host in self.nodes and (NO_RULE not in finding.evidence or forgot_them)
        if finding.code == codes.BALANCE:
            return any(self.are_apart(host, of_task) for of_task in self.hosts_of.get(service, ()))
        if finding.code not in _OF_WAYS or finding.is_broken:
            return False
        return any(self.are_apart(*ends) for ends in _ends(finding.where, self.hosts_of))


def _ends(where: str, hosts_of: Mapping[str, Collection[str]]) -> Iterator[tuple[str, str]]:
    """Yield the hosts at the ends of a way ``A -> B`` or ``service@A -> service``."""
    if way := _WAY.fullmatch(where):
        for target in (*hosts_of.get(way["target"], ()), way["target"]):
            yield way["source"], target
