"""One value of a file with its place and path, read as the type it must have or complained about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swarmkit.declared.documents.complaints import Complaints, did_you_mean, key_path, shown
from swarmkit.declared.documents.nodes import ListNode, MapNode, Node, ScalarNode, is_empty, kind

_TRUE = frozenset(("true", "yes", "on", "1", "y", "t"))
_FALSE = frozenset(("false", "no", "off", "0", "n", "f"))


@dataclass(frozen=True)
class Field:
    """A node of the file; every reader returns None after it complained."""

    node: Node
    path: str
    log: Complaints

    def refuse(self, code: str, what: str, to_do: str = "") -> None:
        self.log.refuse(code, self.node, self.path, what, to_do)

    def warn(self, code: str, what: str, to_do: str = "") -> None:
        self.log.warn(code, self.node, self.path, what, to_do)

    @property
    def is_empty(self) -> bool:
        return is_empty(self.node)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, ListNode)

    @property
    def is_map(self) -> bool:
        return isinstance(self.node, MapNode)

    @property
    def word(self) -> str | None:
        """The scalar as written, or None for lists, maps and nothing; never complains."""
        return self.node.text if isinstance(self.node, ScalarNode) and self.node.value is not None else None

    def text(self, code: str = "B05") -> str | None:
        """Return a non-empty scalar as written."""
        if not self.word:
            self.refuse(code, f"must be a text, got {self._got()}")
            return None
        if "\0" in self.word or "\n" in self.word.rstrip("\n"):
            self.refuse(code, f"must be one line, got {shown(self.word)}")
            return None
        return self.word

    def integer(self, code: str, minimum: int, maximum: int) -> int | None:
        value = self.node.value if isinstance(self.node, ScalarNode) else None
        if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit() and len(value) <= 20:
            value = int(value) if value.count("-") <= 1 else None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            self.refuse(code, f"must be a whole number {minimum}-{maximum}, got {self._got()}")
            return None
        return value

    def boolean(self, code: str = "B05") -> bool | None:
        word = (self.word or "").lower()
        if word not in _TRUE | _FALSE:
            self.refuse(code, f"must be true or false, got {self._got()}")
            return None
        return word in _TRUE

    def choice(self, options: Iterable[str], code: str = "B05", *, any_case: bool = False) -> str | None:
        known = tuple(options)
        word = self.word.lower() if self.word and any_case else self.word
        if word in known:
            return word
        what = f"must be {' or '.join(known)}, got {self._got()}"
        self.refuse(code, what, did_you_mean(self.word or "", known))
        return None

    def fields(self, code: str = "B05") -> dict[str, Field]:
        """Return the entries of a map; nothing counts as an empty one."""
        entries = self._entries(code)
        return {key: Field(node, key_path(self.path, key), self.log) for key, node in entries.items()}

    def names(self, code: str = "B05") -> Iterable[str]:
        """Return the keys of a map alone; nothing counts as an empty one."""
        return self._entries(code)

    def _entries(self, code: str) -> Mapping[str, Node]:
        if isinstance(self.node, MapNode):
            return self.node.items
        if not self.is_empty:
            self.refuse(code, f"must be a map (key: value), got {kind(self.node)}")
        return {}

    def key(self, key: str) -> Field:
        """Return the place of *key* itself, for complaints about the key and not its value."""
        keys = self.node.keys if isinstance(self.node, MapNode) else {}
        return Field(keys.get(key, self.node), key_path(self.path, key), self.log)

    def items(self, code: str = "B05") -> list[Field]:
        """Return the items of a list; nothing counts as an empty one."""
        if isinstance(self.node, ListNode):
            return [Field(node, f"{self.path}[{i}]", self.log) for i, node in enumerate(self.node.items)]
        if not self.is_empty:
            self.refuse(code, f"must be a list, got {kind(self.node)}")
        return []

    def _got(self) -> str:
        return shown(self.word) if self.word is not None else kind(self.node)
