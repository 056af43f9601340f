"""What was tried between the hosts and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmkit.finding import Finding
from swarmkit.observed.dropping.rules import Drop

FULL_FRAME = "full frame"
"""The kind of a frame of the sender's whole MTU that may not be fragmented."""


@dataclass(frozen=True)
class Peer:
    """One host as the others address it."""

    host: str
    advertise: str
    data: str
    is_manager: bool


@dataclass(frozen=True)
class Way:
    """One kind of packet from one host to another."""

    source: str
    target: str
    kind: str
    """``tcp/2377``, ``tcp/7946``, ``udp/7946``, ``udp/PORT`` of the data path, ``proto 50`` or ``full frame``."""
    passes: bool
    said: str = ""
    drops: tuple[Drop, ...] | None = None
    """The rules of its ends by which it is closed; None where they were not read."""

    def ends(self, peers: Mapping[str, Peer]) -> tuple[str, str]:
        """Return the addresses from which and to which it goes."""
        source, target = peers[self.source], peers[self.target]
        if self.kind.endswith(("/2377", "/7946")):
            return source.advertise, target.advertise
        return source.data, target.data

    @property
    def is_refused_at_its_source(self) -> bool:
        """Whether the sender's own firewall drops it, which the sender is told for all but connections."""
        return self.said == "Operation not permitted" or any(drop.is_sent for drop in self.drops or ())


@dataclass(frozen=True)
class Paths:
    """All ways that were tried; *translated*: (source, target) -> the address the target saw instead."""

    ways: tuple[Way, ...]
    translated: Mapping[tuple[str, str], str]
    untried: Mapping[str, str]
    """Host -> why nothing could be tried from it, or not all."""
    bare: frozenset[str] = frozenset()
    """The hosts of *untried* between which and others connections were tried all the same."""
    refused: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Host of *bare* -> (source, kind) of the connections that were refused, by it or by a firewall: it hears none."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found, and what passed between which hosts."""

    findings: tuple[Finding, ...]
    ways: tuple[Way, ...]
    hosts: tuple[str, ...]
    checks: tuple[str, ...]
    """Codes that were looked for."""
    silent: tuple[str, ...] = ()
    """Hosts that could not be reached; nothing is known of them."""

    @property
    def has_errors(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)
