"""Which rules of iptables may let VXLAN frames in, in whatever chain they stand; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMENT = re.compile(r' -m comment --comment (?:"(?:\\.|[^"\\])*"|\S+)')
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_OTHER_PROTOCOL = re.compile(r"(?<!! )-p (?!udp|all)\S+|! -p udp ")
_PORT = re.compile(r"(?<!! )--dports? (\S+)")
_OWN_TRAFFIC = re.compile(r"(?<!! )-i lo |(?<!! )--pol ipsec")
_TARGET = re.compile(r" -([jg]) (\S+)")
_QUEUES = ("NFQUEUE", "QUEUE")
"""What a program behind them accepts skips the rules that are left of the table, and nobody can tell which it does."""
_TO_A_QUEUE = re.compile(rf" -j (?:{'|'.join(_QUEUES)})(?: |$)")
_WITHOUT_CONDITION = re.compile(r"-A \S+(?: -p udp| -m (?:udp|multiport)| --dports? \S+)* -[jg] ")


def is_queued(rule: str) -> bool:
    """Tell whether *rule* leaves what it matches to a program, which may accept it."""
    return bool(_TO_A_QUEUE.search(_COMMENT.sub("", rule)))


def accepting(before: Sequence[str], lines: Sequence[str], port: int, *, policy: str = "ACCEPT") -> tuple[str, ...]:
    """Return which of INPUT's rules *before*, or of the chains of *lines* that they jump to, may accept VXLAN frames.

    A rule that leaves INPUT, for its *policy* to decide, accepts them where that does.
    """
    chains: dict[str, list[str]] = {}
    for line in lines:
        chains.setdefault(line.split(" ", 2)[1], []).append(line)
    way = _Way(chains, port, is_open=policy == "ACCEPT")
    way.follow(before, in_input=True)
    return tuple(way.accepted)


class _Way:
    """The way of a frame through the chains, each followed once, however many rules lead to it."""

    def __init__(self, chains: dict[str, list[str]], port: int, *, is_open: bool) -> None:
        self.accepted: list[str] = []
        self._chains = chains
        self._port = port
        self._is_open = is_open
        self._returning: dict[str, bool] = {}
        """Whether frames may come back from a chain."""

    def follow(self, rules: Sequence[str], *, in_input: bool = False) -> bool:
        """Gather the rules that may accept a frame, and tell whether one may get past them all."""
        may_return = False
        for rule in rules:
            told = _QUOTED.sub('""', _COMMENT.sub("", rule))
            target = _TARGET.search(told)
            if target is None or not _may_match(told, self._port):
                continue
            goes_on = goes_back = False
            if target[2] in ("ACCEPT", *_QUEUES):
                self.accepted.append(rule)
            elif target[2] == "RETURN" or target[1] == "g":
                # From where a chain was gone to, not jumped to, frames do not come back: it returns for this one.
                goes_back = target[2] == "RETURN" or self._comes_back(target[2])
            elif target[2] not in ("DROP", "REJECT"):
                goes_on = self._comes_back(target[2])
            if goes_back and in_input and self._is_open:
                self.accepted.append(rule)
            may_return |= goes_back
            if not goes_on and _WITHOUT_CONDITION.match(told):
                return may_return
        return True

    def _comes_back(self, chain: str) -> bool:
        """Tell whether a frame may come back from *chain*; from a target that is none, as LOG, it does."""
        if chain in self._chains and chain not in self._returning:
            self._returning[chain] = True
            self._returning[chain] = self.follow(self._chains[chain])
        return self._returning.get(chain, True)


def _may_match(rule: str, port: int) -> bool:
    ports = _PORT.search(rule)
    return (
        not _OWN_TRAFFIC.search(rule)
        and not _OTHER_PROTOCOL.search(rule)
        and (ports is None or _covers(ports[1], port))
    )


def _covers(ports: str, port: int) -> bool:
    ranges = (part.partition(":") for part in ports.split(","))
    return any(int(first) <= port <= int(last or first) for first, _, last in ranges)
