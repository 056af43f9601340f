"""From the nodes of either YAML parser to ours: shared nodes stay shared, their expanded size is bounded."""

from __future__ import annotations

from typing import Any

from swarmkit.declared import go_yaml
from swarmkit.declared.complaints import Complaints, key_path, shown
from swarmkit.declared.nodes import ListNode, MapNode, Node, Plain, ScalarNode
from swarmkit.declared.scalars import Dialect, resolve

MAXIMUM_NODES = 100_000
MAXIMUM_DEPTH = 50
_YAML = "tag:yaml.org,2002:"
_STANDARD_TAGS = frozenset(
    _YAML + name for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge", "timestamp", "value")
)
_ANSIBLE_TAGS = frozenset(("!vault", "!vault-encrypted", "!unsafe"))


class NodeBuilder:
    """Build the tree of one document; what is wrong goes to the log."""

    def __init__(self, log: Complaints, dialect: Dialect) -> None:
        self.log = log
        self.dialect: Dialect = dialect
        self.done: dict[int, tuple[Node, int]] = {}
        self.open: set[int] = set()

    def build(self, root: Any) -> Node | None:
        node, size = self._node(root, "", 0)
        if size > MAXIMUM_NODES:
            self.log.refuse("B04", None, "", f"more than {MAXIMUM_NODES} values, aliases expanded")
            return None
        return node

    def _node(self, raw: Any, path: str, depth: int) -> tuple[Node, int]:
        if id(raw) in self.done:
            return self.done[id(raw)]
        place = self._place(raw)
        if id(raw) in self.open or depth > MAXIMUM_DEPTH:
            what = "an alias that contains itself" if id(raw) in self.open else "nested too deeply"
            self.log.refuse("B04", place, path, what)
            return ScalarNode(place.line, place.column, None, "", file=place.file), 1
        self.open.add(id(raw))
        built = self._fresh(raw, place, path, depth)
        self.open.discard(id(raw))
        self.done[id(raw)] = built
        return built

    def _fresh(self, raw: Any, place: Node, path: str, depth: int) -> tuple[Node, int]:
        if raw.id == "mapping":
            self._check_tag(raw, place, path)
            return self._map(raw, place, path, depth)
        if raw.id == "sequence":
            self._check_tag(raw, place, path)
            built = [self._node(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(raw.value)]
            items = tuple(node for node, _ in built)
            return ListNode(place.line, place.column, items, file=place.file), 1 + sum(n for _, n in built)
        return self._scalar(raw, place, path), 1

    def _map(self, raw: Any, place: Node, path: str, depth: int) -> tuple[Node, int]:
        own: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        merged: list[MapNode] = []
        size = 1
        for key_node, value_node in raw.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            value, value_size = self._node(value_node, key_path(path, key), depth + 1)
            size += value_size
            if key == "<<" and not key_node.style:
                merged += self._merged(value, path)
            elif key in own:
                first = f"first on line {keys[key].line}"
                self.log.refuse("B02", self._place(key_node), key_path(path, key), f"the key is there twice ({first})")
            else:
                own[key], keys[key] = value, self._place(key_node)
        for source in merged:
            for key, value in source.items.items():
                own.setdefault(key, value)
                keys.setdefault(key, source.keys[key])
        return MapNode(place.line, place.column, own, keys, file=place.file), size

    def _merged(self, value: Node, path: str) -> list[MapNode]:
        sources = value.items if isinstance(value, ListNode) else (value,)
        maps = [source for source in sources if isinstance(source, MapNode)]
        if len(maps) != len(sources):
            self.log.refuse("B02", value, key_path(path, "<<"), "a merge needs a map or a list of maps")
        return maps

    def _key(self, raw: Any, path: str) -> str | None:
        if raw.id == "scalar":
            self._check_tag(raw, self._place(raw), path)
            return str(raw.value)
        self.log.refuse("B02", self._place(raw), path, "a list or map cannot be a key")
        return None

    def _scalar(self, raw: Any, place: Node, path: str) -> ScalarNode:
        text = str(raw.value)
        tag = self._check_tag(raw, place, path)
        is_plain = not raw.style and not _is_forced_text(raw)
        value: Plain = resolve(text, self.dialect) if is_plain else text
        if is_plain and self.dialect == "docker" and (passed := go_yaml.date(text)):
            what = f"docker passes a date without quotes on as {shown(passed)}"
            self.log.warn("B05", place, path, what, "write it in quotes")
            value = passed
        return ScalarNode(place.line, place.column, value, text, tag, file=place.file)

    def _place(self, raw: Any) -> Node:
        return Node(raw.start_mark.line + 1, raw.start_mark.column + 1, file=self.log.file)

    def _check_tag(self, raw: Any, place: Node, path: str) -> str:
        tag = str(raw.tag)
        if tag in _STANDARD_TAGS or tag == "!":
            return ""
        if tag in _ANSIBLE_TAGS and self.dialect == "ansible":
            return tag
        self.log.refuse("B04", place, path, f"unsupported YAML tag {shown(tag)}", "write the plain value")
        return ""


def _is_forced_text(raw: Any) -> bool:
    # ``!!str 5``: the source names the tag, the parser would have resolved another one.
    text = str(raw.value)
    is_text = isinstance(resolve(text, "docker"), str) and go_yaml.date(text) is None
    return str(raw.tag) == _YAML + "str" and not is_text
