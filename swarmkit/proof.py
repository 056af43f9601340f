"""What a proof says as a whole: its findings, and the cluster as it was seen, for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from swarmkit.finding import Finding

Verdict = Literal["proved", "not proved", "broken"]


@dataclass(frozen=True)
class PairVerdict:
    """Whether a network's traffic between two hosts is encrypted; *missing* says what lacks for the proof."""

    first: str
    second: str
    verdict: Verdict
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeenNetwork:
    name: str
    encrypted: bool
    """Whether it was made with the option; that it is, the pairs tell."""
    hosts: tuple[str, ...]
    pairs: tuple[PairVerdict, ...] = ()


@dataclass(frozen=True)
class SeenTask:
    service: str
    networks: tuple[str, ...]


@dataclass(frozen=True)
class SeenHost:
    name: str
    address: str
    role: str
    """``manager``, ``leader``, ``worker``; empty when it is no node."""
    state: str
    tasks: tuple[SeenTask, ...] = ()


@dataclass(frozen=True)
class SeenPort:
    service: str
    published: int
    protocol: str
    mode: str


@dataclass(frozen=True)
class Proof:
    findings: tuple[Finding, ...]
    hosts: tuple[SeenHost, ...] = ()
    networks: tuple[SeenNetwork, ...] = ()
    ports: tuple[SeenPort, ...] = ()
