"""One form for what a service writes in several, so that two files of it can be merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, Plain, ScalarNode, is_empty, text_of
from swarmkit.declared.stack.env_file import read_environment
from swarmkit.declared.stack.port_loader import read_ports


def canonical_service(field: Field, folder: Path, environment: Mapping[str, str]) -> Node:
    """Return a service's node in long forms; what cannot be read stays, for the reader to complain about.

    Variables take their values here, from files and from *environment*: those of a later file override all of them.
    """
    service = field.node
    if not isinstance(service, MapNode):
        return service
    parts = field.fields()
    items = {key: _FORMS[key](part) if key in _FORMS else part.node for key, part in parts.items()}
    if place := items.pop("env_file", None) or items.get("environment"):
        variables = read_environment(parts, folder, environment)
        items["environment"] = _map(place, {name: _scalar(place, value) for name, value in variables.items()})
    return MapNode(service.line, service.column, items, service.keys, file=service.file)


def _scalar(place: Node, value: Plain) -> ScalarNode:
    return ScalarNode(place.line, place.column, value, "" if value is None else str(value), file=place.file)


def _map(place: Node, items: Mapping[str, Node]) -> MapNode:
    return MapNode(place.line, place.column, items, dict.fromkeys(items, place), file=place.file)


def _as_list(field: Field) -> Node:
    node = field.node
    if not isinstance(node, ScalarNode) or is_empty(node):
        return node
    return ListNode(node.line, node.column, (node,), file=node.file)


def _as_map(field: Field) -> Node:
    """Return a list of ``key=value`` as a map."""
    if not isinstance(field.node, ListNode):
        return field.node
    found: dict[str, Node] = {}
    for item in field.node.items:
        name, equals, value = text_of(item).partition("=")
        found[name] = _scalar(item, value if equals else None)
    return _map(field.node, found)


def _names_as_map(value: Mapping[str, str]) -> Callable[[Field], Node]:
    """Return what turns a list of names into a map to *value*, or to nothing."""

    def form(field: Field) -> Node:
        node = field.node
        if not isinstance(node, ListNode) or not all(text_of(item) for item in node.items):
            return node
        entries = {
            text_of(item): _map(item, {key: _scalar(item, text) for key, text in value.items()})
            if value
            else _scalar(item, None)
            for item in node.items
        }
        return _map(node, entries)

    return form


def _lines(field: Field) -> Node:
    """Return a map of hosts as the list of lines ``name:address``."""
    node = field.node
    if not isinstance(node, MapNode):
        return node
    pairs = sorted((name, item) for name, item in node.items.items() if not is_empty(item))
    lines = tuple(_scalar(item, f"{name}:{text_of(item)}") for name, item in pairs)
    return ListNode(node.line, node.column, lines, file=node.file)


def _health(field: Field) -> Node:
    node = field.node
    test = node.items.get("test") if isinstance(node, MapNode) else None
    if not isinstance(node, MapNode) or not isinstance(test, ScalarNode) or is_empty(test):
        return node
    words = ListNode(test.line, test.column, (_scalar(test, "CMD-SHELL"), test), file=test.file)
    return MapNode(node.line, node.column, {**node.items, "test": words}, node.keys, file=node.file)


def _ports(field: Field) -> Node:
    """Return the ports one by one in their long form."""
    node = field.node
    if not isinstance(node, ListNode):
        return node
    ports: list[Node] = []
    for item in field.items():
        if item.is_map:
            settings = item.node.items if isinstance(item.node, MapNode) else {}
            written = {"protocol": _scalar(item.node, "tcp"), "mode": _scalar(item.node, "ingress")}
            ports.append(_map(item.node, {**written, **settings}))
            continue
        for port in read_ports(Field(ListNode(0, 0, (item.node,)), field.path, field.log)):
            settings = {
                "target": _scalar(item.node, port.target),
                "published": _scalar(item.node, port.published or 0),
                "protocol": _scalar(item.node, port.protocol),
                "mode": _scalar(item.node, port.mode),
            }
            ports.append(_map(item.node, settings))
    return ListNode(node.line, node.column, tuple(ports), file=node.file)


def _deploy(field: Field) -> Node:
    node = field.node
    if not isinstance(node, MapNode) or "labels" not in node.items:
        return node
    labels = _as_map(field.fields()["labels"])
    return MapNode(node.line, node.column, {**node.items, "labels": labels}, node.keys, file=node.file)


_FORMS: Mapping[str, Callable[[Field], Node]] = {
    "dns": _as_list,
    "dns_search": _as_list,
    "dns_opt": _as_list,
    "tmpfs": _as_list,
    "labels": _as_map,
    "sysctls": _as_map,
    "networks": _names_as_map({}),
    "depends_on": _names_as_map({"condition": "service_healthy"}),
    "extra_hosts": _lines,
    "healthcheck": _health,
    "ports": _ports,
    "deploy": _deploy,
}
