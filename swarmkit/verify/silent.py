"""Hosts that do not answer, or no longer: what is said of them, and what else lacks nothing but their word; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.reach.answering import why_silent
from swarmkit.reach.fleet import Unreached
from swarmkit.verify import codes

_OF_HOSTS = frozenset((codes.ENCRYPTION, codes.INJECTION, codes.PUBLISHED, codes.GOSSIP))
"""What lacks a host's own word; what containers found on ways to it is told for itself."""


_PAIR = re.compile(" <?-> ")


def prove_answers(inventory: Inventory, silent: Unreached) -> Iterator[Finding]:
    """Yield V14 for each host of *silent*."""
    for name, error in silent.items():
        why, remedy = why_silent(inventory.host(name), error)
        yield Finding(codes.HOST, "error", name, f"{name} does not answer: nothing is proved there", why, remedy)


def host_failure(host: str, error: Exception) -> Finding:
    """Return V14 of a host that answered, and failed then."""
    if isinstance(error, SwarmkitError):
        what = f"{host} could not be looked at: {error.what.removeprefix(f'{host}: ')}"
        remedy = error.to_do or f"log in on {host} and see what keeps it busy, then verify again"
        return Finding(codes.HOST, "error", host, what, error.why, remedy)
    what = f"{host} could not be looked at: nothing is proved there"
    evidence = f"{type(error).__name__}: {error}"
    remedy = f"log in on {host} and see that it answers; if it does, this is a bug: report it"
    return Finding(codes.HOST, "error", host, what, evidence, remedy)


def with_silence(findings: Iterable[Finding], silent: Collection[str]) -> tuple[Finding, ...]:
    """Return *findings* with those marked that lack nothing but the word of a host that does not answer."""

    def follows(finding: Finding) -> bool:
        if finding.severity == "ok" or finding.follows_from or finding.is_broken:
            return False
        ends = {*_PAIR.split(finding.where), finding.where.rpartition(" on ")[2], finding.where.rpartition(" at ")[2]}
        return finding.code in _OF_HOSTS and bool(ends & set(silent))

    return tuple(replace(one, follows_from=codes.HOST) if follows(one) else one for one in findings)


_COSTS = ((codes.REPLICAS, codes.HOST), (codes.QUORUM, codes.HOST))


def with_costs(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return *findings*, the first V14 with what runs no more and how many managers may be lost: what follows from it
    is only counted where people read it."""
    told = list(findings)
    costs = [one.what for one in told if (one.code, one.follows_from) in _COSTS]
    first = next((place for place, one in enumerate(told) if one.code == codes.HOST), None)
    if costs and first is not None:
        told[first] = replace(told[first], evidence="; ".join(filter(None, (told[first].evidence, *costs))))
    return tuple(told)
