"""Which rules of iptables may let VXLAN frames in, in whatever chain they stand; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_OTHER_PROTOCOL = re.compile(r"(?<!! )-p (?!udp|all)\S+|! -p udp ")
_PORT = re.compile(r"(?<!! )--dports? (\S+)")
_OWN_TRAFFIC = re.compile(r"(?<!! )-i lo |(?<!! )--pol ipsec")
_TARGET = re.compile(r" -[jg] (\S+)")
_WITHOUT_CONDITION = re.compile(r"-A \S+(?: -p udp| -m (?:udp|multiport)| --dports? \S+)* -j (?:RETURN|DROP|REJECT)\b")


def accepting(before: Sequence[str], lines: Sequence[str], port: int) -> tuple[str, ...]:
    """Return which of the rules *before*, or of the chains of *lines* that they jump to, may accept VXLAN frames."""
    chains: dict[str, list[str]] = {}
    for line in lines:
        chains.setdefault(line.split(" ", 2)[1], []).append(line)
    return tuple(_accepting(before, chains, port))


def _accepting(rules: Sequence[str], chains: dict[str, list[str]], port: int) -> Iterator[str]:
    for rule in rules:
        target = _TARGET.search(rule)
        if target is None or not _may_match(rule, port):
            continue
        if target[1] == "ACCEPT":
            yield rule
        elif _WITHOUT_CONDITION.match(rule):
            return
        else:  # taken out: a chain is told once, however many rules lead to it
            yield from _accepting(chains.pop(target[1], ()), chains, port)


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
