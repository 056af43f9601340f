"""ESP that a firewall lets through as an answer alone: proved while the probes run, and dropped later; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.observed.dropping.reading import HostRules, dropped_when_first
from swarmkit.observed.dropping.rules import Drop
from swarmkit.observed.firewalls import Firewalls
from swarmkit.plan.networks.firewall_rules import ESP, let_in, past, rules_out
from swarmkit.verify import codes
from swarmkit.verify.encryption.esp import Esp


def prove_first_packets(
    esp: Esp, source: str, destination: str, rules: Mapping[str, HostRules | None], firewalls: Firewalls
) -> Iterator[Finding]:
    """Find what drops ESP from *source* to *destination* when none was sent the other way before.

    *firewalls* are those of *destination*.
    """
    ends = esp.ends(source, destination)
    if ends is None or any(":" in end for end in ends):
        return
    drops = dropped_when_first(rules, source, destination, ends)
    if drops:
        yield Finding(
            codes.ESP_TRAFFIC,
            "error",
            f"{source} -> {destination}",
            f"ESP from {source} gets to {destination} as an answer alone: dropped once {destination} sent none "
            "for ten minutes",
            evidence=", ".join(
                f"a first packet is dropped on {_host(drop, source, destination)} by {drop}" for drop in drops
            ),
            remedy="; ".join(dict.fromkeys(_remedy(drop, source, destination, ends, firewalls) for drop in drops)),
        )


def _host(drop: Drop, source: str, destination: str) -> str:
    return source if drop.is_sent else destination


def _remedy(drop: Drop, source: str, destination: str, ends: tuple[str, str], firewalls: Firewalls) -> str:
    if not drop.is_usual:
        return f"on {_host(drop, source, destination)}: sudo {past(drop, ESP, *ends)}"
    if drop.is_sent:
        commands = rules_out(ESP, ends[1]).values()
        return f"on {source}, by the firewall it has: {'; or '.join(' && '.join(words) for words in commands)}"
    return let_in([ESP], ends[0], destination, firewalls)
