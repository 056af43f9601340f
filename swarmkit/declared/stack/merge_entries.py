"""Lists of a service that are merged entry by entry: what tells their entries apart.

Docker/cli goes by a port's published number, a mount's target, the source of a secret or config.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from swarmkit.declared.documents.nodes import MapNode, Node, text_of
from swarmkit.declared.stack.mount_loader import target_of


@dataclass(frozen=True)
class Entries:
    """How the entries of a list are told apart."""

    key: Callable[[Node], str]
    """What an entry of a later file takes the place of."""
    whole: Callable[[Node], str]
    """What makes an entry one of its own within a file; entries are sorted by it."""


def protocol_of(node: Node) -> str:
    """Return a port's protocol in small letters."""
    return _words(node, "protocol")[0].lower()


def _words(node: Node, *keys: str) -> list[str]:
    items = node.items if isinstance(node, MapNode) else {}
    return [text_of(items.get(key)) for key in keys]


def _port(node: Node) -> str:
    published, *rest = _words(node, "published", "target", "protocol", "mode")
    return " ".join([published.zfill(5), *rest]) if isinstance(node, MapNode) else text_of(node)


def _published(node: Node) -> str:
    """Return the number that a port is published on, docker's key of it; one without a number is one of its own."""
    published = _words(node, "published")[0]
    return published if published.strip("0") else _port(node)


def _volume(node: Node) -> str:
    return target_of(node) or text_of(node)


def _source(node: Node) -> str:
    return _words(node, "source")[0] if isinstance(node, MapNode) else text_of(node)


def _file(node: Node) -> str:
    return f"{_source(node)} {_words(node, 'target')[0]}"


ENTRIES: Mapping[str, Entries] = {
    "ports": Entries(_published, _port),
    "volumes": Entries(_volume, _volume),
    "secrets": Entries(_source, _file),
    "configs": Entries(_source, _file),
}
"""Lists of a service that are merged entry by entry."""
