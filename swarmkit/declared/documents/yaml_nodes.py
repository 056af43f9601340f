"""From the nodes of either YAML parser to ours: shared nodes stay shared, their expanded size is bounded."""

from __future__ import annotations

from typing import Any

from swarmkit.declared.documents import go_yaml
from swarmkit.declared.documents.complaints import Complaints, key_path, shown
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, Plain, ScalarNode
from swarmkit.declared.documents.scalars import Dialect, resolve

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
        done = self.done.get(id(raw))
        if done is not None:
            return done
        if id(raw) in self.open or depth > MAXIMUM_DEPTH:
            place = self._place(raw)
            what = "an alias that contains itself" if id(raw) in self.open else "nested too deeply"
            self.log.refuse("B04", place, path, what)
            return ScalarNode(place.line, place.column, None, "", file=place.file), 1
        if raw.id == "scalar":
            built: tuple[Node, int] = self._scalar(raw, self._tag(raw, path), path), 1
        else:
            self.open.add(id(raw))
            built = self._fresh(raw, path, depth)
            self.open.discard(id(raw))
        self.done[id(raw)] = built
        return built

    def _fresh(self, raw: Any, path: str, depth: int) -> tuple[Node, int]:
        self._tag(raw, path)
        if raw.id == "mapping":
            return self._map(raw, path, depth)
        built = [self._node(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(raw.value)]
        items = tuple(node for node, _ in built)
        return ListNode(*_position(raw), items, file=self.log.file), 1 + sum(n for _, n in built)

    def _map(self, raw: Any, path: str, depth: int) -> tuple[Node, int]:
        own: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        merged: list[MapNode] = []
        merge: Node | None = None
        size = 1
        for key_node, value_node in raw.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            key_is_at = key_path(path, key)
            value, value_size = self._node(value_node, key_is_at, depth + 1)
            size += value_size
            is_merge = key == "<<" and not key_node.style
            # What Ansible reads may have several; Docker's own tool takes one.
            if is_merge and (merge is None or self.dialect != "docker"):
                merge = self._place(key_node)
                merged += self._merged(value, path)
            elif is_merge or key in own:
                first = f"first on line {(merge if is_merge and merge else keys[key]).line}"
                self.log.refuse("B02", self._place(key_node), key_is_at, f"the key is there twice ({first})")
            else:
                own[key], keys[key] = value, self._place(key_node)
        for source in merged:
            for key, value in source.items.items():
                own.setdefault(key, value)
                keys.setdefault(key, source.keys[key])
        return MapNode(*_position(raw), own, keys, file=self.log.file), size

    def _merged(self, value: Node, path: str) -> list[MapNode]:
        sources = value.items if isinstance(value, ListNode) else (value,)
        maps = [source for source in sources if isinstance(source, MapNode)]
        if len(maps) != len(sources):
            self.log.refuse("B02", value, key_path(path, "<<"), "a merge needs a map or a list of maps")
        return maps

    def _key(self, raw: Any, path: str) -> str | None:
        if raw.id == "scalar":
            self._tag(raw, path)
            return str(raw.value)
        self.log.refuse("B02", self._place(raw), path, "a list or map cannot be a key")
        return None

    def _scalar(self, raw: Any, tag: str, path: str) -> ScalarNode:
        text = str(raw.value)
        is_plain = not raw.style and not _is_forced_text(raw)
        value: Plain = resolve(text, self.dialect) if is_plain else text
        if is_plain and self.dialect == "docker" and (passed := go_yaml.date(text)):
            what = f"docker passes a date without quotes on as {shown(passed)}"
            self.log.warn("B05", self._place(raw), path, what, "write it in quotes")
            value = passed
        return ScalarNode(*_position(raw), value, text, tag, file=self.log.file)

    def _place(self, raw: Any) -> Node:
        return Node(*_position(raw), file=self.log.file)

    def _tag(self, raw: Any, path: str) -> str:
        """Return an own tag that is let through, or nothing; complains of others."""
        tag = str(raw.tag)
        if tag in _STANDARD_TAGS or tag == "!":
            return ""
        if tag in _ANSIBLE_TAGS and self.dialect == "ansible":
            return tag
        self.log.refuse("B04", self._place(raw), path, f"unsupported YAML tag {shown(tag)}", "write the plain value")
        return ""


def _position(raw: Any) -> tuple[int, int]:
    mark = raw.start_mark
    return mark.line + 1, mark.column + 1


def _is_forced_text(raw: Any) -> bool:
    # ``!!str 5``: the source names the tag, the parser would have resolved another one.
    if raw.tag != _YAML + "str":
        return False
    text = str(raw.value)
    return not isinstance(resolve(text, "docker"), str) or go_yaml.date(text) is not None
