"""The cluster as it is: tables of nodes, services and networks, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.observed.model import Observed
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import clean, line
from swarmkit.report.set_aside import set_aside_lines
from swarmkit.report.status_services import ServiceRow
from swarmkit.report.status_view import NetworkRow, NodeRow, status_view
from swarmkit.report.tables import columns

SCHEMA = "swarmkit.status/1"
_NODE_HEADINGS = ("node", "role", "state", "address", "labels", "engine")
_NAMED_ADDRESSES = 3
_GOOD_STATES = ("ready", "running", "completed", "none wanted")


def print_status(
    console: Console, inventory: Inventory, observed: Observed, stack: Stack | None = None, only: str = ""
) -> None:
    """Print the tables: see render_status."""
    console.print(render_status(inventory, observed, stack, only))


def print_nodes(console: Console, inventory: Inventory, observed: Observed) -> None:
    """Print the nodes' table alone."""
    view = status_view(inventory, observed, None)
    if view.error:
        console.print(line("", view.error, style="yellow"))
    console.print(columns(_NODE_HEADINGS, map(_node, view.nodes)))
    for aside in set_aside_lines(observed):
        console.print(aside)


def render_status(
    inventory: Inventory, observed: Observed, stack: Stack | None = None, only: str = ""
) -> RenderableType:
    """Return the tables; with a *stack*, or the name of *only* one, of its services and networks alone."""
    view = status_view(inventory, observed, stack, only)
    parts: list[RenderableType] = [line("", f"cluster {view.cluster}", style="bold")]
    if view.error:
        parts.append(line("  ", view.error, style="yellow"))
    parts += [Text(), columns(_NODE_HEADINGS, map(_node, view.nodes))]
    if view.services:
        heading = ("service", "image", "tasks", "on", "published", "state")
        parts += [Text(), columns(heading, map(_service, view.services))]
        parts += [line(f"  {row.name}: ", row.why, style="yellow") for row in view.services if row.why]
    if view.networks:
        parts += [Text(), columns(("network", "driver", "encrypted"), map(_network, view.networks))]
    if aside := list(set_aside_lines(observed)):
        parts += [Text(), *aside]
    return Group(*parts)


def status_as_json(
    inventory: Inventory, observed: Observed, stack: Stack | None = None, only: str = ""
) -> dict[str, Any]:
    """Return nodes, services and networks as JSON values."""
    values: dict[str, Any] = json_value(asdict(status_view(inventory, observed, stack, only)))
    return {"schema": SCHEMA, **values}


def _node(row: NodeRow) -> Sequence[Text]:
    role = row.role
    if row.is_leader:
        role += ", leader"
    elif row.reachability and row.reachability != "reachable":
        role += f", {row.reachability}"
    state = row.state if row.availability in ("", "active") else f"{row.state}, {row.availability}"
    why = f"what {row.earlier_of} was before" if row.earlier_of else "not in the inventory"
    why = "the inventory has it absent: swarmkit up" if row.is_absent else why
    name = row.name if row.in_inventory else f"{row.name} ({why})"
    return [_text(name), _text(role), _state(state), *map(_text, (row.address, _labels(row.labels), row.engine))]


def _service(row: ServiceRow) -> Sequence[Text]:
    where = ", ".join(host if count == 1 else f"{host} x{count}" for host, count in row.placement.items())
    tasks = Text(row.tasks, style="" if row.running == row.declared else "red")
    return [_text(row.name), _text(row.image), tasks, _text(where), _addresses(row.addresses), _state(row.state)]


def _network(row: NetworkRow) -> Sequence[Text]:
    encrypted = Text("yes" if row.encrypted else "no", style="green" if row.encrypted else "")
    if row.declared_encrypted is not None and row.declared_encrypted != row.encrypted:
        encrypted = Text(f"{encrypted.plain}, declared {'yes' if row.declared_encrypted else 'no'}", style="red")
    return [_text(row.name), _text(row.driver), encrypted]


def _addresses(addresses: Sequence[str]) -> Text:
    shown = "\n".join(addresses[:_NAMED_ADDRESSES])
    more = len(addresses) - _NAMED_ADDRESSES
    return _text(f"{shown}\nand {more} more" if more > 0 else shown)


def _labels(labels: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={value}" if value else key for key, value in sorted(labels.items()))


def _state(state: str) -> Text:
    return Text(clean(state), style="green" if state in _GOOD_STATES else "yellow")


def _text(text: str) -> Text:
    return Text(clean(text))
