"""What was tried between the hosts and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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


@dataclass(frozen=True)
class Paths:
    """All ways that were tried; *translated*: (source, target) -> the address the target saw instead."""

    ways: tuple[Way, ...]
    translated: Mapping[tuple[str, str], str]
    untried: Mapping[str, str]
    """Host -> why nothing could be tried from it."""
