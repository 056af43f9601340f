"""Reading JSON into nodes; what a program wrote needs no places."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from swarmkit.declared.documents.complaints import Complaints, key_path, shown
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode
from swarmkit.declared.documents.yaml_nodes import MAXIMUM_DEPTH


def parse_json(text: str, log: Complaints) -> Node | None:
    """Return the tree of a JSON document (no places), or None when it is not JSON."""
    try:
        return _from_json(json.loads(text, object_pairs_hook=_pairs), log, "", 0)
    except (ValueError, RecursionError):
        return None


class _Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object, its duplicate keys kept."""


def _pairs(pairs: Iterable[tuple[str, Any]]) -> _Pairs:
    return _Pairs(pairs)


def _from_json(value: Any, log: Complaints, path: str, depth: int) -> Node:
    if depth > MAXIMUM_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, _Pairs):
        items: dict[str, Node] = {}
        for key, item in value:
            if key in items:
                log.refuse("B02", None, path, f"the key {shown(key)} is there twice")
            items[key] = _from_json(item, log, key_path(path, key), depth + 1)
        return MapNode(0, 0, items, {key: Node(0, 0) for key in items})
    if isinstance(value, list):
        return ListNode(0, 0, tuple(_from_json(item, log, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)))
    return ScalarNode(0, 0, value, json.dumps(value) if isinstance(value, bool) else str(value))
