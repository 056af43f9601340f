"""Hosts between which no packet of any kind passes: one cause, however many ports it closes; pure.

Each group is one finding of H07 that lists all that does not pass, IP protocol 50 too. H06 stays a finding of its own,
marked as following from it, for it is looked for, and overridden, by its own code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from swarmkit.doctor.checks.openings import lines_of, said_of
from swarmkit.doctor.model import FULL_FRAME, Peer, Way
from swarmkit.finding import Finding
from swarmkit.plan.networks.firewall_rules import ESP


@dataclass(frozen=True)
class Cut:
    """Ways between hosts of which none passes."""

    where: str
    what: str
    ways: tuple[Way, ...]


def cuts(ways: Sequence[Way]) -> tuple[Cut, ...]:
    """Return what is cut off: parts of the hosts first, then pairs within a part, in both directions or one."""
    silent = _silent(ways)
    parts = _parts(ways, silent)
    part_of = {host: part for part in parts for host in part}
    apart = {pair for pair in silent if part_of[pair[0]] != part_of[pair[1]]}
    found = [_parted(parts, _of(ways, apart))] if apart else []
    within = silent - apart
    for source, target in sorted(pair for pair in within if pair[::-1] in within and pair[0] < pair[1]):
        what = f"no packet of any kind passes between {source} and {target}"
        pairs = {(source, target), (target, source)}
        found.append(Cut(f"{source} <-> {target}", what, _of(ways, pairs)))
    one_way = {pair for pair in within if pair[::-1] not in within}
    for target in sorted({target for _, target in one_way}):
        sources = [source for source, other in sorted(one_way) if other == target]
        what = f"no packet of any kind from {', '.join(sources)} arrives at {target}"
        pairs = {(source, target) for source in sources}
        found.append(Cut(f"{', '.join(sources)} -> {target}", what, _of(ways, pairs)))
    return tuple(found)


def _silent(ways: Iterable[Way]) -> set[tuple[str, str]]:
    passing = {(way.source, way.target) for way in ways if way.passes}
    return {(way.source, way.target) for way in ways} - passing


def _parts(ways: Iterable[Way], silent: set[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the hosts in parts between which nothing passes in either direction, the largest first."""
    parts = [{host} for host in dict.fromkeys(host for way in ways for host in (way.source, way.target))]
    for way in ways:
        if (way.source, way.target) not in silent:
            joined = [part for part in parts if part & {way.source, way.target}]
            parts = [part for part in parts if part not in joined] + [set[str]().union(*joined)]
    return sorted((tuple(sorted(part)) for part in parts), key=lambda part: (-len(part), part))


def _parted(parts: Sequence[Sequence[str]], ways: tuple[Way, ...]) -> Cut:
    where = " | ".join(", ".join(part) for part in parts)
    alone = [part[0] for part in parts if len(part) == 1]
    if len(alone) == len(parts):
        return Cut(where, f"no host hears another: no packet of any kind passes between {', '.join(alone)}", ways)
    if len(parts) - len(alone) == 1:
        verb = "is" if len(alone) == 1 else "are each"
        return Cut(where, f"{', '.join(alone)} {verb} cut off: no packet of any kind passes to or from any other", ways)
    return Cut(where, f"the hosts have fallen apart: no packet of any kind passes between {where}", ways)


def _of(ways: Sequence[Way], pairs: set[tuple[str, str]]) -> tuple[Way, ...]:
    return tuple(way for way in ways if (way.source, way.target) in pairs and way.kind != FULL_FRAME)


def check_cuts(found: Iterable[Cut], peers: Mapping[str, Peer]) -> Iterator[Finding]:
    """Yield one H07 for each of *found*, and the H06 that follows from it."""
    for cut in found:
        esp = tuple(way for way in cut.ways if way.kind == ESP)
        yield Finding("H07", "error", cut.where, cut.what, _evidence(cut.ways), _remedy(cut.ways, peers))
        if esp:
            what = f"IP protocol 50 (ESP, all encrypted overlay traffic) does not pass either: {cut.what}"
            yield Finding("H06", "error", cut.where, what, _evidence(esp), _remedy(esp, peers), follows_from="H07")


def _evidence(ways: Sequence[Way]) -> str:
    """Return what does not pass, by kind."""
    kinds: dict[str, list[str]] = {}
    for way in ways:
        kinds.setdefault(way.kind, []).append(f"{way.source} -> {way.target} ({said_of(way)})")
    return "; ".join(f"{kind}: {', '.join(said)}" for kind, said in kinds.items())


def _remedy(ways: Sequence[Way], peers: Mapping[str, Peer]) -> str:
    """Return that the line is to be seen first, then for each target the rules for all that it has to let in."""
    first = ways[0]
    look = f"on {first.source}: ping -c 1 {peers[first.target].data}"
    lines = [f"see first that the line and the route are there, {look}; if so, all of these:"]
    for target in dict.fromkeys(way.target for way in ways):
        lines += lines_of([way for way in ways if way.target == target], peers)
    return "\n".join(lines)
