"""The networks of all hosts: a row for each network that is one, with its hosts and who is on it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from swarmkit.observed.networks import HostNetwork
from swarmkit.report.go_template import Template
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import clean
from swarmkit.report.tables import columns

_STYLES = {"proved": "green", "NOT PROVED": "red"}
_HEADINGS = {
    "ID": "NETWORK ID", "Name": "NAME", "Driver": "DRIVER", "Scope": "SCOPE", "IPv6": "IPV6", "Internal": "INTERNAL",
    "Labels": "LABELS", "CreatedAt": "CREATED AT", "Hosts": "HOSTS", "Subnets": "SUBNETS", "Encryption": "ENCRYPTION",
    "Users": "USED BY",
}  # fmt: skip
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
            _users(group, services),
        )
        for (name, driver, scope, _), group in sorted(groups.items())
    )


def _users(group: Sequence[HostNetwork], services: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return (
        *(services.get(group[0].name, ()) if group[0].scope == "swarm" else ()),
        *(f"{user}@{network.host}" for network in group for user in network.users),
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


def networks_as_fields(
    seen: Iterable[HostNetwork],
    services: Mapping[str, Sequence[str]],
    verdicts: Mapping[str, bool],
    *,
    id_length: int | None,
) -> list[dict[str, str]]:
    """Return each network of its own ID as Docker's fields for ``network ls --format``, and those of ours."""
    groups: dict[str, list[HostNetwork]] = {}
    for network in seen:
        groups.setdefault(network.id, []).append(network)
    return [
        {
            "ID": identity[:id_length],
            "Name": group[0].name,
            "Driver": group[0].driver,
            "Scope": group[0].scope,
            "IPv6": str(bool(group[0].raw.get("EnableIPv6"))).lower(),
            "Internal": str(bool(group[0].raw.get("Internal"))).lower(),
            "Labels": ",".join(f"{key}={value}" for key, value in sorted((group[0].raw.get("Labels") or {}).items())),
            "CreatedAt": str(group[0].raw.get("Created") or ""),
            "Hosts": ", ".join(network.host for network in group),
            "Subnets": ", ".join(next((network.subnets for network in group if network.subnets), ())),
            "Encryption": _encryption(group[0], verdicts),
            "Users": ", ".join(_users(group, services)),
        }
        for identity, group in groups.items()
    ]


def formatted(fields: Sequence[Mapping[str, str]], format_text: str) -> str:
    """Return a line for each network as ``--format`` of ``docker network ls`` makes it, ``table`` with headings."""
    text = format_text.replace(r"\t", "\t").replace(r"\n", "\n")
    if text == "json":
        text = "{{json .}}"
    is_table = text.startswith("table ")
    template = Template(text.removeprefix("table ").lstrip() if is_table else text)
    headings = template.render(_HEADINGS)
    lines = [*([headings] if is_table else []), *(template.render(each) for each in fields)]
    return "".join(f"{line}\n" for line in (_in_columns(lines) if is_table else lines))


def _in_columns(lines: Sequence[str]) -> list[str]:
    """Return *lines* with what tabs part under each other, three spaces between, as Docker's tool does."""
    rows = [line.split("\t") for line in lines]
    widths = [max(len(cell) for cell in column) for column in itertools.zip_longest(*rows, fillvalue="")]
    return ["   ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows]


def networks_as_json(rows: Iterable[NetworkRow], silent: Iterable[str] = ()) -> dict[str, Any]:
    """Return *rows* as JSON values, with the hosts that are *silent* and so in none of them."""
    return {"schema": SCHEMA, "networks": json_value([asdict(row) for row in rows]), "silent": list(silent)}


def _text(text: str) -> Text:
    return Text(clean(text))
