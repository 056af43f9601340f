"""A host's rules, and what of a packet they ask; pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Field = Literal[
    "source", "target", "target type", "protocol", "port", "device", "out device", "state", "led on", "unknown"
]
Fate = Literal["drop", "accept", "return", "call", "go", "on"]
"""``call`` comes back to the chain where nothing was decided, ``go`` does not."""


@dataclass(frozen=True)
class Packet:
    """One from one address to another, as one end sees it."""

    kind: str
    """``udp/7946``, or ``proto 50``."""
    source: str
    target: str
    is_sent: bool
    """Whether it is looked at where it is sent, else where it arrives."""
    device: str = ""
    """By which it leaves or enters; empty where that is not known."""
    is_first: bool = True
    """Of its kind; else connection tracking takes it for an answer."""
    out_device: str = ""
    """By which one leaves again that is only led on, to the address *target* instead of the host's own."""

    @property
    def is_led_on(self) -> bool:
        return bool(self.out_device)

    @property
    def protocol(self) -> str:
        return "esp" if self.kind == "proto 50" else self.kind.partition("/")[0]

    @property
    def port(self) -> str:
        return self.kind.partition("/")[2]


@dataclass(frozen=True)
class Condition:
    asks: Field
    values: tuple[str, ...] = ()
    is_negated: bool = False

    def holds(self, packet: Packet) -> bool | None:
        """Tell whether it holds for *packet*; None where that cannot be judged."""
        if self.asks == "unknown" or (self.asks in ("device", "out device") and not self._device(packet)):
            return None
        if self.asks == "led on":
            return packet.is_led_on != self.is_negated
        if self.asks == "port" and not all(_PORTS.fullmatch(value) for value in self.values):
            return None
        if self.asks == "state" and any(value.upper() == "UNTRACKED" for value in self.values):
            return None
        return any(self._is(packet, value) for value in self.values) != self.is_negated

    def _is(self, packet: Packet, value: str) -> bool:
        if self.asks == "source":
            return _is_in(packet.source, value)
        if self.asks == "target":
            return _is_in(packet.target, value)
        if self.asks == "target type":
            return value.upper() == ("UNICAST" if packet.is_sent or packet.is_led_on else "LOCAL")
        if self.asks == "state":
            state = "NEW" if packet.is_first else "ESTABLISHED"
            return value.upper() == state or (value.upper() == "DNAT" and packet.is_led_on)
        if self.asks == "protocol":
            return value in (packet.protocol, _NUMBERS[packet.protocol], "all")
        if self.asks == "port":
            first, _, last = value.replace(":", "-").partition("-")
            return bool(packet.port) and int(first or 0) <= int(packet.port) <= int(last or first)
        return fnmatchcase(self._device(packet), value)

    def _device(self, packet: Packet) -> str:
        is_of_leaving = self.asks == "out device"
        if packet.is_led_on:
            return packet.out_device if is_of_leaving else packet.device
        return packet.device if is_of_leaving == packet.is_sent else ""


@dataclass(frozen=True)
class Rule:
    text: str
    """As the firewall's own tool prints it."""
    conditions: tuple[Condition, ...]
    fate: Fate
    chain: str = ""
    """Where it leads to."""

    def holds(self, packet: Packet) -> bool | None:
        """Tell whether all its conditions hold for *packet*; None where some may."""
        each = [condition.holds(packet) for condition in self.conditions]
        return False if False in each else None if None in each else True


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
    is_sure: bool = True
    """Whether no rule before it may admit the packet by what cannot be judged."""
    way: tuple[str, ...] = ()
    """The chains by which the packet came there, in order; the last is the one that drops it."""

    @property
    def place(self) -> tuple[str, str, str]:
        return self.tool, self.table, self.chain

    @property
    def is_usual(self) -> bool:
        """Whether it stands where whatever firewall manages the host writes its own, and is opened by its words."""
        is_usual = (self.tool, self.table) == ("iptables", "filter") and self.chain in ("INPUT", "OUTPUT")
        return is_usual or self.table.endswith(" firewalld")

    def __str__(self) -> str:
        return f"{self.tool}, table {self.table}: {self.rule}"


_PORTS = re.compile(r"\d*[:-]?\d*")
_NUMBERS = {"esp": "50", "udp": "17", "tcp": "6"}


def _is_in(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        first, _, last = network.partition("-")
        ends = [ipaddress.ip_address(end) for end in (first, address, last) if end.count(".") == 3]
        return len(ends) == 3 and int(ends[0]) <= int(ends[1]) <= int(ends[2])
