"""A YAML or JSON document as a tree that knows where each value was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A value at its place; lines and columns count from 1, 0 when unknown."""

    line: int
    column: int
    file: str = field(default="", kw_only=True)
    """Where several files make one tree: the one that this value is in."""


@dataclass(frozen=True, slots=True)
class ScalarNode(Node):
    value: Plain
    text: str
    """As written, before ``yes`` became true and ``0777`` became 511."""
    tag: str = ""
    """An own tag that is let through, such as ``!vault``."""


@dataclass(frozen=True, slots=True)
class ListNode(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapNode(Node):
    items: Mapping[str, Node]
    keys: Mapping[str, Node]
    """Where each key stands."""


def kind(node: Node) -> str:
    """Return what the value is, in the words of a message."""
    if isinstance(node, MapNode):
        return "a map"
    if isinstance(node, ListNode):
        return "a list"
    value = node.value if isinstance(node, ScalarNode) else None
    return "nothing" if value is None else "a single value"


def is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.value is None


def text_of(node: Node | None) -> str:
    """Return a scalar's text; nothing of any other node, and of none."""
    return node.text if isinstance(node, ScalarNode) else ""


def plain(node: Node) -> object:
    """Return the value alone, as lists, dicts and scalars."""
    if isinstance(node, MapNode):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, ScalarNode) else None
