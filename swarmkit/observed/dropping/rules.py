"""A host's rules, and which of them drop a packet; pure. What cannot be judged is taken to do nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Field = Literal["source", "target", "protocol", "port", "device", "unknown"]
Fate = Literal["drop", "accept", "return", "call", "go", "on"]
"""``call`` comes back to the chain where nothing was decided, ``go`` does not."""
MAX_DEPTH = 16


@dataclass(frozen=True)
class Packet:
    """The first of its kind from one address to another, as one end sees it."""

    kind: str
    """``udp/7946``, or ``proto 50``."""
    source: str
    target: str
    is_sent: bool
    """Whether it is looked at where it is sent, else where it arrives."""
    device: str = ""
    """By which it leaves or enters; empty where that is not known."""

    @property
    def protocol(self) -> str:
        return "esp" if self.kind == "proto 50" else self.kind.partition("/")[0]

    @property
    def port(self) -> str:
        return self.kind.partition("/")[2]


@dataclass(frozen=True)
class Condition:
    field: Field
    values: tuple[str, ...] = ()
    is_negated: bool = False

    def holds(self, packet: Packet) -> bool:
        """Tell whether it surely holds for *packet*."""
        if self.field == "unknown" or (self.field == "device" and not packet.device):
            return False
        return any(self._is(packet, value) for value in self.values) != self.is_negated

    def _is(self, packet: Packet, value: str) -> bool:
        if self.field == "source":
            return _is_in(packet.source, value)
        if self.field == "target":
            return _is_in(packet.target, value)
        if self.field == "protocol":
            return value in (packet.protocol, _NUMBERS[packet.protocol], "all")
        if self.field == "port":
            first, _, last = value.replace(":", "-").partition("-")
            return bool(packet.port) and int(first or 0) <= int(packet.port) <= int(last or first)
        return fnmatchcase(packet.device, value)


@dataclass(frozen=True)
class Rule:
    text: str
    """As the firewall's own tool prints it."""
    conditions: tuple[Condition, ...]
    fate: Fate
    chain: str = ""
    """Where it leads to."""


@dataclass(frozen=True)
class Chain:
    rules: tuple[Rule, ...]
    hook: str = ""
    """``prerouting``, ``input``; empty for one that is only called."""
    policy: Literal["accept", "drop"] = "accept"


@dataclass(frozen=True)
class Table:
    tool: str
    """``iptables``, ``iptables-legacy`` or ``nft``."""
    name: str
    chains: Mapping[str, Chain]


@dataclass(frozen=True)
class Drop:
    """A rule, or the policy of a chain, that drops a packet."""

    tool: str
    table: str
    chain: str
    """The one at the hook, from which the rule's own is called."""
    rule: str
    """As the tool prints it; of a policy ``-P INPUT DROP``."""
    is_sent: bool

    @property
    def is_usual(self) -> bool:
        """Whether it stands where whatever firewall manages the host writes its own, and is opened by its words."""
        is_usual = (self.tool, self.table) == ("iptables", "filter") and self.chain in ("INPUT", "OUTPUT")
        return is_usual or self.table.endswith(" firewalld")

    def __str__(self) -> str:
        return f"{self.tool}, table {self.table}: {self.rule}"


_ARRIVING = ("ingress", "prerouting", "input")
_SENT = ("output", "postrouting", "egress")
_NUMBERS = {"esp": "50", "udp": "17", "tcp": "6"}


def drops(tables: Sequence[Table], packet: Packet) -> Iterator[Drop]:
    """Yield for each chain at a hook what drops *packet* there: each of them has to let it pass."""
    for table in tables:
        for name, chain in table.chains.items():
            if chain.hook not in (_SENT if packet.is_sent else _ARRIVING):
                continue
            end = _end(table, name, packet, 0)
            if isinstance(end, Rule):
                yield Drop(table.tool, table.name, name, end.text, packet.is_sent)
            elif end == "return" and chain.policy == "drop":
                text = f"policy drop of {name}" if table.tool == "nft" else f"-P {name} DROP"
                yield Drop(table.tool, table.name, name, text, packet.is_sent)


def _end(table: Table, name: str, packet: Packet, depth: int) -> Rule | Literal["accept", "return"]:
    """Return the rule that drops *packet* in the chain, or that it is accepted, or that nothing decides on it."""
    chain = table.chains.get(name)
    for rule in chain.rules if chain and depth < MAX_DEPTH else ():
        if rule.fate == "on" or not all(condition.holds(packet) for condition in rule.conditions):
            continue
        if rule.fate == "drop":
            return rule
        if rule.fate in ("accept", "return"):
            return "accept" if rule.fate == "accept" else "return"
        end = _end(table, rule.chain, packet, depth + 1)
        if end != "return" or rule.fate == "go":
            return end
    return "return"


def _is_in(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        first, _, last = network.partition("-")
        ends = [ipaddress.ip_address(end) for end in (first, address, last) if end.count(".") == 3]
        return len(ends) == 3 and int(ends[0]) <= int(ends[1]) <= int(ends[2])
