"""The address sheet as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from swarmkit.plan.networks.address_rows import SubnetRow
from swarmkit.plan.networks.address_sheet import AddressSheet
from swarmkit.report.finding_text import by_severity, finding_lines
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import clean
from swarmkit.report.tables import columns

SCHEMA = "swarmkit.addresses/1"


def render_address_sheet(sheet: AddressSheet) -> RenderableType:
    """Return pools, subnets, routes, and what clashes; without a finding it says that nothing does."""
    return Group(*_parts(sheet))


def _parts(sheet: AddressSheet) -> Iterator[RenderableType]:
    yield columns(
        ("pool", "of", "subnets used", "next free"),
        ([_text(row.pool), _text(row.source), _text(f"{row.used} of {row.total} /{row.subnet_prefix}"),
          _text("\n".join(row.free))] for row in sheet.pools),
    )  # fmt: skip
    yield Text()
    yield columns(
        ("subnet", "network", "driver", "addresses used", "hosts"),
        ([_text(_subnet(row)), _text(row.network), _text(row.driver), _text(f"{row.used} of {row.total}"),
          _text(", ".join(row.hosts))] for row in sheet.subnets),
    )  # fmt: skip
    yield Text()
    yield columns(
        ("route", "device", "hosts"),
        ([_text(row.destination), _text(row.device), _text(", ".join(row.hosts))] for row in sheet.routes),
    )
    if not sheet.findings:
        yield Text("\nno range overlaps another, and every pool and network has addresses left", style="green")
    for finding in by_severity(sheet.findings):
        yield Text()
        yield from finding_lines(finding)


def _subnet(row: SubnetRow) -> str:
    return f"{row.subnet}, of it {row.range}" if row.range else row.subnet


def address_sheet_as_json(sheet: AddressSheet, silent: Iterable[str] = ()) -> dict[str, Any]:
    """Return *sheet* as JSON values, with the hosts that are *silent* and so not on it."""
    return {"schema": SCHEMA, **json_value(asdict(sheet)), "silent": list(silent)}


def _text(text: str) -> Text:
    return Text(clean(text))
