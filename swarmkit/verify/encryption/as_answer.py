"""ESP that a firewall lets through as an answer alone: proved while the probes run, and dropped later; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.observed.dropping.firewalld import part_of
from swarmkit.observed.dropping.reading import HostRules, dropped_when_first
from swarmkit.observed.dropping.rules import Drop
from swarmkit.observed.firewalls import Firewalls
from swarmkit.plan.networks.firewall_rules import ESP, past, rules, rules_out
from swarmkit.verify import codes
from swarmkit.verify.encryption.esp import Esp


def prove_first_packets(
    esp: Esp,
    source: str,
    destination: str,
    read: Mapping[str, HostRules | None],
    firewalls: Mapping[str, Firewalls],
) -> Iterator[Finding]:
    """Find what drops ESP from *source* to *destination* when none was sent the other way before.

    *read*, the rules, and *firewalls* are those of both hosts, by name.
    """
    ends = esp.ends(source, destination)
    if ends is None or any(":" in end for end in ends):
        return
    drops = dropped_when_first(read, source, destination, ends)
    if drops:
        hosts = [source if drop.is_sent else destination for drop in drops]
        remedies = [_remedy(drop, host, ends, firewalls[host]) for drop, host in zip(drops, hosts, strict=True)]
        yield Finding(
            codes.ESP_TRAFFIC,
            "error",
            f"{source} -> {destination}",
            f"ESP from {source} gets to {destination} as an answer alone: dropped once none was sent for ten minutes",
            evidence=", ".join(
                f"a first packet is dropped on {host} by {drop}" for drop, host in zip(drops, hosts, strict=True)
            ),
            remedy="; ".join(dict.fromkeys(remedies)),
        )


def _remedy(drop: Drop, host: str, ends: tuple[str, str], firewalls: Firewalls) -> str:
    """Return what gets past *drop* on *host*, which has *firewalls*."""
    if not drop.is_usual:
        return f"on {host}: {past(drop, ESP, *ends)}"
    part = part_of([drop])
    words = rules_out(ESP, ends[1], part) if drop.is_sent else rules(ESP, ends[0], part=part)
    writers = ("firewalld",) if drop.tool == "nft" else ("firewalld", "ufw")
    names = [name for name in writers if drop.tool == "nft" or name in firewalls.names] or ["iptables"]
    return f"on {host}: {' && '.join(command for name in names for command in words[name])}"
