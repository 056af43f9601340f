"""What a restart of the engine, its remedy where nothing else is seen, does not mend: a way that is closed; pure.

A node may not be ready because what it and a manager say to each other is dropped; nothing is encrypted to a host that
nothing at all gets to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.ways.gossip import MANAGER_PORT, TriedWay, lacks_the_answer


def with_blocked_ways(findings: Iterable[Finding], tried: Sequence[TriedWay]) -> Iterator[Finding]:
    """Yield *findings*, each V01 of a node that is not ready with the rule of the way to a manager that is closed, and
    each V11 of a way that nothing passes with what is told of that.
    """
    silent = {f"{one.way.source} -> {one.way.target}" for one in tried if one.wrong and not one.told}
    told = list(findings)
    rules = {one.where: one.remedy for one in told if one.code == codes.GOSSIP and one.severity == "error"}
    for finding in told:
        closed = _closed(finding.where, tried) if _is_not_heard(finding) else []
        named = [f"{codes.GOSSIP} {where} says: {rules[where]}" for where in closed if where in rules]
        if named:
            evidence = f"{finding.evidence}; tcp/{MANAGER_PORT} does not connect: {', '.join(closed)} is closed"
            yield replace(finding, evidence=evidence, remedy=f"no restart opens that way; do what {'; '.join(named)}")
        elif finding.code == codes.ESP_TRAFFIC and finding.where in silent and finding.where in rules:
            yield replace(finding, remedy=f"first do what {codes.GOSSIP} says of this way: {rules[finding.where]}")
        else:
            yield finding


def _is_not_heard(finding: Finding) -> bool:
    """Tell whether a restart of docker is what the finding of a node asks for."""
    return finding.code == codes.NODE and finding.severity == "error" and "systemctl restart docker" in finding.remedy


def _closed(host: str, tried: Sequence[TriedWay]) -> list[str]:
    """Return the ways between *host* and managers on which something is dropped that the connection to them needs."""
    by_ends: Mapping[tuple[str, str], TriedWay] = {(one.way.source, one.way.target): one for one in tried}
    managers = {one.way.target for one in tried if one.way.is_manager}
    found = []
    for (source, target), one in by_ends.items():
        is_between = (source == host and target in managers) or (target == host and source in managers)
        if not is_between or not any(what.startswith(f"tcp/{MANAGER_PORT}:") for what in one.wrong):
            continue
        back = by_ends.get((target, source))
        is_back = back is not None and lacks_the_answer(one, back)
        found.append(f"{target} -> {source}" if is_back else f"{source} -> {target}")
    return list(dict.fromkeys(found))
