"""Which rules of others keep Docker's mark from frames that leave, though Docker's own rule stands; pure.

Frames are encrypted by their mark alone: what is accepted before the rule, or marked otherwise after it, goes in clear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from swarmkit.observed.dropping.reading import HostRules
from swarmkit.observed.dropping.rules import Packet, Rule, Table
from swarmkit.observed.dropping.walk import MAX_DEPTH
from swarmkit.verify.encryption.xfrm import DOCKER_MARK

_CHAIN = "OUTPUT"
_TOOL = "iptables -w -t mangle"
_SETS = re.compile(r" -j MARK --set-xmark (0x[0-9a-f]+)/(0x[0-9a-f]+)")
_RESTORES = re.compile(r" -j CONNMARK --restore-mark --nfmask 0xf{8}")


@dataclass(frozen=True)
class Unmarked:
    """What stands in the way of a mark, each as ``iptables-save`` prints it."""

    mark: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    def told(self, vni: int) -> str:
        said = [f"frames of VNI {vni} are accepted before the rule that marks them: {rule}" for rule in self.before]
        said += [f"the mark of VNI {vni} is replaced after the rule that sets it: {rule}" for rule in self.after]
        return f"{' and '.join(said)}: they leave in clear"

    @property
    def remedy(self) -> str:
        """The commands that put Docker's rule where it holds; its engine moves none that is there."""
        match = self.mark.removeprefix(f"-A {_CHAIN} ")
        place = f"{_TOOL} -I {_CHAIN} 1 {match}" if self.before else f"{_TOOL} -A {_CHAIN} {match}"
        away = [f"{_TOOL} -D {rule.removeprefix('-A ')}" for rule in self.after if self.before]
        return " && ".join((f"{_TOOL} -D {_CHAIN} {match}", place, *away))


def unmarked(rules: HostRules | None, mark: str, port: int, ways: Iterable[tuple[str, str]]) -> Unmarked | None:
    """Return what keeps *mark*, the engine's rule, from frames to *port* on *ways*, each from one address to another.

    None where nothing surely does: a rule that cannot be judged is left to the cable to tell of.
    """
    if rules is None:
        return None
    found = _Found(mark)
    for table in (one for one in rules.tables if one.name == "mangle" and _has(one, mark)):
        for source, target in ways:
            frame = Packet(f"udp/{port}", source, target, is_sent=True, device=rules.devices.get(source, ""))
            found.is_marked = False
            found.follow(table, _CHAIN, frame)
    before, after = (tuple(dict.fromkeys(one)) for one in (found.before, found.after))
    return Unmarked(mark, before, after) if before or after else None


def _has(table: Table, mark: str) -> bool:
    return _CHAIN in table.chains and any(rule.text == mark for rule in table.chains[_CHAIN].rules)


@dataclass
class _Found:
    """The way of frames through mangle's chains, and what was met on it."""

    mark: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    is_marked: bool = False

    def follow(self, table: Table, name: str, frame: Packet, depth: int = 0) -> bool:
        """Follow *frame* through a chain, and tell whether it comes back from there."""
        for rule in table.chains[name].rules if depth < MAX_DEPTH else ():
            if rule.text == self.mark:
                self.is_marked = True
            elif rule.holds(frame):
                if self.is_marked and _marks_otherwise(rule.text):
                    self.after.append(rule.text)
                if rule.chain in table.chains:
                    if not self.follow(table, rule.chain, frame, depth + 1):
                        return False
                    if rule.fate != "go":
                        continue
                if not self._goes_on(rule, is_whole=depth == 0):
                    return rule.fate in ("return", "go")
        return True

    def _goes_on(self, rule: Rule, *, is_whole: bool) -> bool:
        """Tell whether what *rule* matches comes to the next one; where the *whole* chain ends, its policy accepts."""
        leaves = rule.fate == "accept" or (rule.fate in ("return", "go") and is_whole)
        if leaves and not self.is_marked:
            self.before.append(rule.text)
        return rule.fate not in ("accept", "drop", "return", "go")


def _marks_otherwise(rule: str) -> bool:
    """Tell whether a packet with Docker's mark has another one after *rule*."""
    if sets := _SETS.search(rule):
        value, mask = int(sets[1], 16), int(sets[2], 16)
        return (DOCKER_MARK & ~mask) ^ value != DOCKER_MARK
    return bool(_RESTORES.search(rule))
