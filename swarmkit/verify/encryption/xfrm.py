"""What a kernel holds and counts of Docker's encryption, from ``ip xfrm`` without its keys; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from swarmkit.errors import SwarmkitError

DOCKER_MARK = 0xD0C4E3

_ENDS = re.compile(r"src (\S+) dst (\S+)")
_SPI = re.compile(r"proto esp spi 0x([0-9a-f]+)")
_BYTES = re.compile(r"(\d+)\(bytes\), (\d+)\(packets\)")
_FAILED = re.compile(r"replay-window \d+ replay \d+ failed (\d+)")
_MARK = re.compile(r"mark (0x[0-9a-f]+|\d+)")


class UnreadableError(SwarmkitError):
    """A host could not tell of its encryption."""


@dataclass(frozen=True)
class EspState:
    source: str
    destination: str
    spi: int
    bytes: int = 0
    failed: int = 0
    """Packets that came under its number and that its key does not fit."""


@dataclass(frozen=True)
class EspPolicy:
    """An outgoing policy."""

    source: str
    destination: str
    mark: int | None


@dataclass(frozen=True)
class Ipsec:
    states: tuple[EspState, ...]
    counters: Mapping[str, int] = field(default_factory=dict)
    """``/proc/net/xfrm_stat``: errors only; empty where the kernel does not count them."""


def parse_ipsec(states: str, xfrm_stat: str) -> Ipsec:
    """Return states and error counters; raises UnreadableError when the host could not list its states."""
    counters = {name: int(value) for name, value in (line.split() for line in xfrm_stat.splitlines() if line.strip())}
    return Ipsec(tuple(_states(states)), counters)


def _states(text: str) -> list[EspState]:
    if "unreadable" in text.splitlines():
        raise UnreadableError("ip xfrm state does not work there")
    found: list[EspState] = []
    for line in text.splitlines():
        if ends := _ENDS.match(line):
            found.append(EspState(ends[1], ends[2], 0))
        elif found and (spi := _SPI.match(line)):
            found[-1] = replace(found[-1], spi=int(spi[1], 16))
        elif found and (count := _BYTES.match(line)):
            found[-1] = replace(found[-1], bytes=int(count[1]))
        elif found and (failed := _FAILED.match(line)):
            found[-1] = replace(found[-1], failed=int(failed[1]))
    return [state for state in found if state.spi]


def parse_policies(text: str) -> tuple[EspPolicy, ...]:
    """Return the outgoing policies of ``ip xfrm policy list``; raises UnreadableError."""
    if "unreadable" in text.splitlines():
        raise UnreadableError("ip xfrm policy does not work there")
    found: list[EspPolicy] = []
    directions: list[bool] = []
    for line in text.splitlines():
        if ends := _ENDS.match(line):
            found.append(EspPolicy(ends[1].split("/")[0], ends[2].split("/")[0], None))
            directions.append(False)
        elif found and line.startswith("dir "):
            directions[-1] = line.startswith("dir out")
        elif found and (mark := _MARK.match(line)):
            found[-1] = replace(found[-1], mark=int(mark[1], 0))
    return tuple(policy for policy, is_out in zip(found, directions, strict=True) if is_out)


def grown(before: Ipsec, after: Ipsec) -> dict[tuple[str, str], int]:
    """Return by how many bytes each (source, destination) grew; a state made in between counts from zero."""
    return _growth(before, after, lambda state: state.bytes)


def refused(before: Ipsec, after: Ipsec) -> dict[tuple[str, str], int]:
    """Return how many packets more each (source, destination) could not decrypt."""
    return _growth(before, after, lambda state: state.failed)


def _growth(before: Ipsec, after: Ipsec, count: Callable[[EspState], int]) -> dict[tuple[str, str], int]:
    old = {(state.source, state.destination, state.spi): count(state) for state in before.states}
    growth: dict[tuple[str, str], int] = {}
    for state in after.states:
        more = count(state) - old.get((state.source, state.destination, state.spi), 0)
        growth[state.source, state.destination] = growth.get((state.source, state.destination), 0) + max(0, more)
    return growth


def new_errors(before: Ipsec, after: Ipsec) -> dict[str, int]:
    """Return the error counters that grew, and by how much."""
    growth = {name: value - before.counters.get(name, 0) for name, value in after.counters.items()}
    return {name: more for name, more in growth.items() if more > 0}
