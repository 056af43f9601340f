"""The common cause of many findings: hosts that nothing of the swarm's own traffic gets to or from; pure.

Hosts between which something passes are joined; what is not joined by any way is apart. That says who is cut off, and
which findings follow: those of a way that leads from one part to another, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.ways.gossip import TriedWay
from swarmkit.verify.ways.published import NO_RULE

Part = frozenset[str]

_OF_WAYS = frozenset(
    (
        *(codes.NAME, codes.CONNECTION, codes.ESP_STATE, codes.ESP_TRAFFIC),
        *(codes.ENCRYPTION, codes.PAYLOAD, codes.GOSSIP),
    )
)
"""What says that something does not get through; frames that were seen in clear (V16) follow from no cut."""
_WAY = re.compile(r"(?:.*@)?(?P<source>[^@ ]+) <?-> (?P<target>\S+)")
_NOT_READY = re.compile(r"\S+ is not the node that is declared: (?:(?:state|as a manager it) is [^;]*(?:; |$))+")


def parts_of(tried: Sequence[TriedWay]) -> tuple[Part, ...]:
    """Return the hosts of all ways in parts between which nothing passes, the largest first."""
    parts = [frozenset((host,)) for one in tried for host in (one.way.source, one.way.target)]
    parts = list(dict.fromkeys(parts))
    for one in tried:
        # Who refuses a connection was reached.
        if one.told or any("refused" in what for what in one.wrong):
            ends = [part for part in parts if part & {one.way.source, one.way.target}]
            parts = [part for part in parts if part not in ends] + [frozenset[str]().union(*ends)]
    return tuple(sorted(parts, key=lambda part: (-len(part), sorted(part))))


def prove_cut_off(tried: Sequence[TriedWay]) -> Iterator[Finding]:
    """Yield V27 for each host that nothing gets to or from; one finding where the nodes fall apart otherwise."""
    parts = parts_of(tried)
    if len(parts) < 2:
        return
    alone = [host for part in parts if len(part) == 1 for host in part]
    if len(parts) - len(alone) != 1:
        yield _apart(parts, tried)
        return
    for host in alone:
        count = sum(host in (one.way.source, one.way.target) for one in tried)
        what = f"{host} is cut off: nothing of the swarm's own traffic passes between it and any other node"
        remedy = f"mend the network of {host} first: its cable, its firewall; swarmkit doctor names ports and rules"
        yield Finding(codes.CUT, "error", host, what, f"{count} ways tried", remedy)


def _apart(parts: Sequence[Part], tried: Sequence[TriedWay]) -> Finding:
    remedy = "mend the network between the hosts first; swarmkit doctor names ports and rules"
    if all(len(part) == 1 for part in parts):
        where = ", ".join(host for part in parts for host in part)
        what = "no node hears another: nothing of the swarm's own traffic passes between any two"
    else:
        where = " | ".join(", ".join(sorted(part)) for part in parts)
        what = f"the nodes have fallen apart: nothing of the swarm's own traffic passes between {where}"
    return Finding(codes.CUT, "error", where, what, f"{len(tried)} ways tried", remedy)


def with_cause(findings: Iterable[Finding], tried: Sequence[TriedWay], live: Live, told_by: str) -> tuple[Finding, ...]:
    """Return *findings* with the causes first, and those marked that follow from hosts that are cut off.

    *told_by* is the manager that told of the nodes.
    """
    part_of = {host: part for part in parts_of(tried) for host in part}
    if len(set(part_of.values())) < 2:
        return tuple(findings)
    hosts_of = {service.name: {task.host for task in service.tasks} for service in live.services}

    def are_apart(first: str, second: str) -> bool:
        return first in part_of and second in part_of and part_of[first] != part_of[second]

    def follows(finding: Finding) -> bool:
        if finding.severity == "ok":
            return False
        if finding.code == codes.NODE:
            return are_apart(told_by, finding.where) and bool(_NOT_READY.fullmatch(finding.what))
        if finding.code == codes.PUBLISHED:
            service, _, host = finding.where.rpartition(" at ")
            # A node takes its rules away itself when gossip gives up the last task that it would lead to.
            forgot_them = all(are_apart(host, of_task) for of_task in hosts_of.get(service, ()))
            return host in part_of and (NO_RULE not in finding.evidence or forgot_them)
        if finding.code == codes.BALANCE:
            service, _, host = finding.where.rpartition(" at ")
            return any(are_apart(host, of_task) for of_task in hosts_of.get(service, ()))
        if finding.code not in _OF_WAYS or finding.is_broken:
            return False
        return any(are_apart(*ends) for ends in _ends(finding.where, hosts_of))

    marked = [replace(one, follows_from=codes.CUT) if follows(one) else one for one in findings]
    return tuple(sorted(marked, key=lambda one: one.code != codes.CUT))


def _ends(where: str, hosts_of: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """Yield the hosts at the ends of a way ``A -> B`` or ``service@A -> service``."""
    if way := _WAY.fullmatch(where):
        for target in (*hosts_of.get(way["target"], ()), way["target"]):
            yield way["source"], target
