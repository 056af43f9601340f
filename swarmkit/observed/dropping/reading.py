"""What the hosts say of their rules: one question to each, beside the others."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from swarmkit.observed.dropping.iptables import parse_iptables
from swarmkit.observed.dropping.nftables import parse_nftables
from swarmkit.observed.dropping.rules import Drop, Packet, Table
from swarmkit.observed.dropping.walk import drops
from swarmkit.observed.parse import sections
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class HostRules:
    """The rules of one host."""

    tables: Sequence[Table]
    devices: Mapping[str, str]
    """Address -> the interface that has it."""

    def drops(self, kind: str, source: str, target: str, *, is_sent: bool, is_first: bool = True) -> tuple[Drop, ...]:
        """Return what drops *kind* from the address *source* to *target* here: where it is sent, or arrives."""
        device = self.devices.get(source if is_sent else target, "")
        packet = Packet(kind, source, target, is_sent, device, is_first)
        return tuple(dict.fromkeys(drops(self.tables, packet)))

    def drops_led_on(self, kind: str, source: str, arrives_at: str, target: str, out_device: str) -> tuple[Drop, ...]:
        """Return what surely drops *kind* from *source*, as it is led on from the host's own address *arrives_at* to
        *target* behind *out_device*.
        """
        device = self.devices.get(arrives_at, "")
        packet = Packet(kind, source, target, is_sent=False, device=device, out_device=out_device)
        return tuple(drop for drop in dict.fromkeys(drops(self.tables, packet)) if drop.is_sure)


def read_rules(fleet: Fleet, names: Iterable[str]) -> dict[str, HostRules]:
    """Return the rules of the hosts that tell them; one that fails, or where the login is not root's, is left out."""
    script = importlib.resources.files("swarmkit.observed.dropping").joinpath("rules.sh").read_text()
    said = fan_out(
        names, lambda name: parse_rules(fleet[name].shell.run(script, timeout_seconds=TIMEOUT_SECONDS).stdout)
    )
    return {name: rules for name, rules in said.items() if isinstance(rules, HostRules)}


def dropped_when_first(
    rules: Mapping[str, HostRules | None], source: str, target: str, addresses: tuple[str, str]
) -> tuple[Drop, ...]:
    """Return what surely drops ESP from host *source* to *target*, between *addresses*, when it comes first alone.

    Connection tracking tells flows of ESP apart by their two addresses alone: to a firewall that admits what is
    established, whatever the target has sent before makes the sender's first packet an answer, that of a probe too.
    Between hosts that are silent for ten minutes (nf_conntrack_generic_timeout) it is dropped.
    """
    found: list[Drop] = []
    for host in (source, target):
        if of := rules.get(host):
            answers = of.drops("proto 50", *addresses, is_sent=host == source, is_first=False)
            closed = {drop.place for drop in answers}
            first = of.drops("proto 50", *addresses, is_sent=host == source)
            found += [drop for drop in first if drop.is_sure and drop.place not in closed]
    return tuple(found)


def parse_rules(said: str) -> HostRules | None:
    """Return the rules that the script printed; None where it could read none."""
    told = sections(said)
    tables: list[Table] = []
    for tool in ("iptables", "iptables-legacy"):
        known = [(table.name, table.chains) for table in tables]
        # Where iptables is the legacy one by itself, both print the same.
        tables += [one for one in parse_iptables(tool, told.get(tool, "")) if (one.name, one.chains) not in known]
    tables += parse_nftables(told.get("nft", ""))
    if "end" not in told or not tables:
        return None
    entries = (line.split() for line in told.get("addresses", "").splitlines())
    return HostRules(tables, {words[3].partition("/")[0]: words[1] for words in entries if len(words) > 3})
