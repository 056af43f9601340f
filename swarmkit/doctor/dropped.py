"""Which rules of the hosts close the ways between them: read where one is closed, after it was tried twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from swarmkit.doctor.model import FULL_FRAME, Peer, Way
from swarmkit.observed.dropping.reading import HostRules, read_rules
from swarmkit.reach.fleet import Fleet


def with_drops(fleet: Fleet, peers: Mapping[str, Peer], ways: Sequence[Way]) -> tuple[Way, ...]:
    """Return *ways*, each closed one with the rules of its two hosts that drop what is sent on it."""
    closed = [way for way in ways if _is_closed(way)]
    rules = read_rules(fleet, dict.fromkeys(host for way in closed for host in (way.source, way.target)))
    return tuple(_with_drops(way, peers, rules) if _is_closed(way) else way for way in ways)


def _is_closed(way: Way) -> bool:
    return not way.passes and way.kind != FULL_FRAME


def _with_drops(way: Way, peers: Mapping[str, Peer], rules: Mapping[str, HostRules]) -> Way:
    ends = way.ends(peers)
    if any(":" in end for end in ends):
        # The rules that are read are those of IPv4.
        return way
    looks = [(rules[host], host == way.source) for host in (way.source, way.target) if host in rules]
    found = [drop for of, is_sent in looks for drop in of.drops(way.kind, *ends, is_sent=is_sent)]
    return replace(way, drops=tuple(found) if found or len(looks) == 2 else None)
