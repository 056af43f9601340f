"""What cable.pl or cable_on_host.py, or tcpdump in its place, saw and heard on one host while the probes ran; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar


@dataclass(frozen=True)
class Frames:
    """Frames that a host's interface sent to an address and received from it."""

    sent: int
    received: int


@dataclass(frozen=True)
class Cable:
    """One host's share of a proof."""

    esp: Mapping[str, Frames] = field(default_factory=dict)
    """By the peer's address, as in all that counts frames."""
    clear: Mapping[tuple[str, int], Frames] = field(default_factory=dict)
    """(peer's address, VNI) -> frames that should not have been."""
    marked: Mapping[str, Frames] = field(default_factory=dict)
    """Frames that showed the mark of what travels encrypted."""
    heard: Mapping[tuple[str, int], Mapping[str, int]] = field(default_factory=dict)
    """(namespace, key) -> size ``small`` or ``full`` -> bytes of the packet."""
    unsent: Mapping[int, str] = field(default_factory=dict)
    """Key -> why the kernel refused to send it."""
    opened: frozenset[int] = frozenset()
    """Keys of connections that stood and should not."""
    injected: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """(sender's address, VNI) -> clear frames of ours that came to the interface."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """Namespace -> why it was not entered; ``0`` when nothing was seen at all."""
    has_mark: bool = True
    """Whether marked packets were sent and looked for: not by tcpdump."""

    @property
    def why_blind(self) -> str:
        return self.lost.get("0", "")

    def with_second(self, again: Cable) -> Cable:
        """Return what this one and *again*, a second try with some of its packets, saw and heard together."""
        if again.why_blind:
            return self
        spots = {**self.heard, **again.heard}
        heard = {spot: {**self.heard.get(spot, {}), **again.heard.get(spot, {})} for spot in spots}
        return replace(
            self.with_open(again),
            esp=_added(self.esp, again.esp),
            heard=heard,
            unsent={**self.unsent, **again.unsent},
            injected=Counter(self.injected) + Counter(again.injected),
        )

    def with_open(self, other: Cable) -> Cable:
        """Return this one with the frames too that *other* saw and that should not have been."""
        return replace(self, clear=_added(self.clear, other.clear), marked=_added(self.marked, other.marked))


_Key = TypeVar("_Key")


def _added(first: Mapping[_Key, Frames], second: Mapping[_Key, Frames]) -> dict[_Key, Frames]:
    none = Frames(0, 0)
    both = {key: (first.get(key, none), second.get(key, none)) for key in {**first, **second}}
    return {key: Frames(one.sent + two.sent, one.received + two.received) for key, (one, two) in both.items()}


def parse_cable(text: str) -> Cable:
    """Return what the host printed; a text without its end says that nothing was seen."""
    seen = _Seen()
    for line in text.splitlines():
        seen.take(line)
    if not seen.ended and "0" not in seen.lost:
        seen.lost["0"] = text.strip().splitlines()[-1][-200:] if text.strip() else "the watcher did not say anything"
    return Cable(
        seen.esp, seen.clear, seen.marked, seen.heard, seen.unsent, frozenset(seen.opened), seen.injected, seen.lost,
        has_mark=seen.has_mark,
    )  # fmt: skip


class _Seen:
    def __init__(self) -> None:
        self.esp: dict[str, Frames] = {}
        self.clear: dict[tuple[str, int], Frames] = {}
        self.marked: dict[str, Frames] = {}
        self.heard: dict[tuple[str, int], dict[str, int]] = {}
        self.unsent: dict[int, str] = {}
        self.opened: set[int] = set()
        self.injected: dict[tuple[str, int], int] = {}
        self.lost: dict[str, str] = {}
        self.has_mark, self.ended = True, False

    def take(self, line: str) -> None:
        self._frames(line.split())
        self._parcels(line.split())

    def _frames(self, words: list[str]) -> None:
        match words:
            case ["esp", address, sent, received]:
                self.esp[address] = Frames(int(sent), int(received))
            case ["marked", address, sent, received]:
                self.marked[address] = Frames(int(sent), int(received))
            case ["clear", address, vni, sent, received]:
                self.clear[address, int(vni)] = Frames(int(sent), int(received))
            case ["injected", address, vni, count]:
                self.injected[address, int(vni)] = int(count)

    def _parcels(self, words: list[str]) -> None:
        match words:
            case ["heard", place, key, size, count]:
                self.heard.setdefault((place, int(key)), {})[size] = int(count)
            case ["unsent", key, _, *why]:
                self.unsent[int(key)] = " ".join(why)
            case ["opened", key]:
                self.opened.add(int(key))
            case ["lost", place, *why]:
                self.lost[place] = " ".join(why)
            case ["without", "marks"]:
                self.has_mark = False
            case ["end"]:
                self.ended = True
