"""Which rules of the hosts close the ways between them, and which let ESP through as an answer alone; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from swarmkit.doctor.model import FULL_FRAME, Peer, Way
from swarmkit.observed.dropping.reading import HostRules, dropped_when_first
from swarmkit.plan.networks.firewall_rules import ESP

AS_ANSWER = "passes as an answer alone, while the target has sent ESP itself in the last minutes"


def with_drops(ways: Sequence[Way], peers: Mapping[str, Peer], rules: Mapping[str, HostRules]) -> tuple[Way, ...]:
    """Return *ways*, each closed one with the rules of its two hosts that drop what is sent on it.

    One of ESP that was heard counts as closed where a rule surely drops it when it comes first.
    """
    return tuple(_with_drops(way, peers, rules) for way in ways)


def _with_drops(way: Way, peers: Mapping[str, Peer], rules: Mapping[str, HostRules]) -> Way:
    ends = way.ends(peers)
    if way.kind == FULL_FRAME or any(":" in end for end in ends):
        # The rules that are read are those of IPv4.
        return way
    if way.passes:
        first = dropped_when_first(rules, way.source, way.target, ends) if way.kind == ESP else ()
        return replace(way, passes=False, said=AS_ANSWER, drops=first) if first else way
    looks = [(rules[host], host == way.source) for host in (way.source, way.target) if host in rules]
    found = [drop for of, is_sent in looks for drop in of.drops(way.kind, *ends, is_sent=is_sent)]
    return replace(way, drops=tuple(found) if found or len(looks) == 2 else None)
