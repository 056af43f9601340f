"""Which rules of a host drop a packet; pure. A rule that cannot be judged is taken to do nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from swarmkit.observed.dropping.rules import Drop, Packet, Rule, Table

MAX_DEPTH = 16
_ARRIVING = ("ingress", "prerouting", "input")
_SENT = ("output", "postrouting", "egress")
_LED_ON = ("forward",)


def drops(tables: Sequence[Table], packet: Packet) -> Iterator[Drop]:
    """Yield for each chain at a hook what drops *packet* there: each of them has to let it pass."""
    hooks = _LED_ON if packet.is_led_on else _SENT if packet.is_sent else _ARRIVING
    for table in tables:
        for name, chain in table.chains.items():
            if chain.hook not in hooks:
                continue
            walk = _Walk(table, packet)
            end = walk.through(name)
            if isinstance(end, Rule):
                yield Drop(table.tool, table.name, name, end.text, packet.is_sent, walk.is_sure, (*walk.way,))
            elif end == "return" and chain.policy == "drop":
                text = f"policy drop of {name}" if table.tool == "nft" else f"-P {name} DROP"
                yield Drop(table.tool, table.name, name, text, packet.is_sent, walk.is_sure, (*walk.way, name))


@dataclass
class _Walk:
    """One packet on its way through the chains of one table."""

    table: Table
    packet: Packet
    is_sure: bool = True
    """Whether no rule that may hold leads elsewhere."""
    way: list[str] = field(default_factory=list)

    def through(self, name: str, depth: int = 0) -> Rule | Literal["accept", "return"]:
        """Return the rule that drops the packet in the chain, or that it is accepted, or that nothing decides on it."""
        chain = self.table.chains.get(name)
        self.way.append(name)
        for rule in chain.rules if chain and depth < MAX_DEPTH else ():
            holds = rule.holds(self.packet)
            if holds is None and _may_admit(self.table, rule):
                self.is_sure = False
            if rule.fate == "on" or not holds:
                continue
            if rule.fate == "drop":
                self.way.append(name)
                return rule
            if rule.fate in ("accept", "return"):
                return "accept" if rule.fate == "accept" else "return"
            self.is_sure = self.is_sure and rule.chain not in _ASKING
            end = self.through(rule.chain, depth + 1)
            if end != "return" or rule.fate == "go":
                return end
        return "return"


def _may_admit(table: Table, rule: Rule) -> bool:
    """Tell whether *rule* may lead past the rules after it: other targets than chains, as LOG, do not."""
    return rule.fate in ("accept", "return") or rule.chain in table.chains or rule.chain in _ASKING


_ASKING = ("NFQUEUE",)
"""Targets by which a program decides."""
