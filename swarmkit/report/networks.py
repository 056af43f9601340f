"""The networks of all hosts: a row for each network that is one, with its hosts and who is on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from swarmkit.observed.networks import HostNetwork
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import clean
from swarmkit.report.tables import columns

_STYLES = {"proved": "green", "NOT PROVED": "red"}
SCHEMA = "swarmkit.networks/1"


@dataclass(frozen=True)
class NetworkRow:
    """One network; the hosts' own ones of the same name and kind share a row."""

    name: str
    driver: str
    scope: str
    subnets: tuple[str, ...]
    encryption: str
    """``off``, or ``-`` where the kind has none; else ``declared``, and where that was asked ``proved`` or
    ``NOT PROVED``: a network that no service is on stays declared, as nothing of it can be seen."""
    hosts: tuple[str, ...]
    users: tuple[str, ...]
    """``container@host`` and ``service name``."""


def network_rows(
    seen: Iterable[HostNetwork], services: Mapping[str, Sequence[str]], verdicts: Mapping[str, bool] | None = None
) -> tuple[NetworkRow, ...]:
    """Return the rows by name; *services* are the swarm's services by network name, *verdicts* proofs by its ID."""
    groups: dict[tuple[str, str, str, tuple[str, ...]], list[HostNetwork]] = {}
    for network in seen:
        subnets = network.subnets if network.scope != "swarm" else ()
        groups.setdefault((network.name, network.driver, network.scope, subnets), []).append(network)
    return tuple(
        NetworkRow(
            name,
            driver,
            scope,
            next((network.subnets for network in group if network.subnets), ()),
            _encryption(group[0], verdicts or {}),
            tuple(network.host for network in group),
            (
                *(services.get(name, ()) if scope == "swarm" else ()),
                *(f"{user}@{network.host}" for network in group for user in network.users),
            ),
        )
        for (name, driver, scope, _), group in sorted(groups.items())
    )


def _encryption(network: HostNetwork, verdicts: Mapping[str, bool]) -> str:
    if network.driver != "overlay":
        return "-"
    if network.id in verdicts:
        return "proved" if verdicts[network.id] else "NOT PROVED"
    return "declared" if "encrypted" in network.options else "off"


def render_networks(rows: Iterable[NetworkRow]) -> RenderableType:
    """Return the table of *rows*."""
    headings = ("network", "driver", "scope", "subnets", "encryption", "hosts", "used by")
    return columns(
        headings,
        (
            [
                _text(row.name),
                _text(row.driver),
                _text(row.scope),
                _text("\n".join(row.subnets)),
                Text(row.encryption, style=_STYLES.get(row.encryption, "")),
                _text(", ".join(row.hosts)),
                _text("\n".join(row.users)),
            ]
            for row in rows
        ),
    )


def networks_as_json(rows: Iterable[NetworkRow]) -> dict[str, Any]:
    """Return *rows* as JSON values."""
    return {"schema": SCHEMA, "networks": json_value([asdict(row) for row in rows])}


def _text(text: str) -> Text:
    return Text(clean(text))
