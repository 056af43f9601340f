"""`network ls`: what it says of encryption."""

from __future__ import annotations

from swarmkit.observed.networks import HostNetwork
from swarmkit.report.networks import network_rows


def overlay(name: str, **options: str) -> HostNetwork:
    return HostNetwork("A", f"id-{name}", name, "overlay", "swarm", {"Options": options}, {})


def test_only_what_was_looked_at_is_said_to_be_proved_or_not() -> None:
    seen = [overlay(name, encrypted="") for name in ("good", "bad", "idle")] + [overlay("clear")]
    rows = network_rows(seen, {}, {"id-good": True, "id-bad": False})
    said = {row.name: row.encryption for row in rows}
    assert said == {"good": "proved", "bad": "NOT PROVED", "idle": "declared", "clear": "off"}
