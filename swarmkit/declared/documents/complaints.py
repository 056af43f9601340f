"""Collecting everything that is wrong with a file, so that the operator hears all of it at once."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable
from pathlib import Path

from swarmkit.declared.documents.nodes import Node
from swarmkit.errors import Complaint, InputError

_SHOWN_LENGTH = 60
_PLAIN_KEY = re.compile(r"[\w./@:+$\[\]-]{1,80}", re.ASCII)


class Complaints:
    """Gather complaints and warnings about one file, and what files it names; never raises before ``raise_if_any``."""

    def __init__(self, file: Path) -> None:
        self.file = printable(str(file))
        self.refused: list[Complaint] = []
        self.warned: list[Complaint] = []
        self.named: list[Path] = []
        """The files that were read because this one names them."""

    def refuse(self, code: str, node: Node | None, path: str, what: str, to_do: str = "") -> None:
        self.refused.append(self._complaint(code, node, path, what, to_do))

    def warn(self, code: str, node: Node | None, path: str, what: str, to_do: str = "") -> None:
        self.warned.append(self._complaint(code, node, path, what, to_do))

    def add(self, other: Complaints) -> None:
        """Take over what another file's log has gathered."""
        self.refused += other.refused
        self.warned += other.warned
        self.named += other.named

    def raise_if_any(self, what: str) -> None:
        if self.refused:
            raise InputError(what, tuple(dict.fromkeys(self.refused)), warnings=self.warnings)

    @property
    def warnings(self) -> tuple[Complaint, ...]:
        return tuple(sorted(set(self.warned)))

    def place(self, node: Node | None) -> str:
        file = (node and node.file) or self.file
        return f"{file}:{node.line}" if node and node.line else file

    def _complaint(self, code: str, node: Node | None, path: str, what: str, to_do: str) -> Complaint:
        line, column = (node.line, node.column) if node else (0, 0)
        file = (node and node.file) or self.file
        return Complaint(file, line, column, code, path, what, to_do)


def shown(value: object) -> str:
    """Return *value* as a quoted, shortened word of a message, free of control characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 3] + "...")


def printable(text: str) -> str:
    """Return *text* itself, or its escaped form where it holds characters a terminal would obey."""
    return text if text.isprintable() else repr(text)


def key_path(path: str, key: str) -> str:
    """Return *path* with *key* appended; unusual keys are quoted."""
    return f"{path}.{_step(key)}" if path else _step(key)


@functools.lru_cache(maxsize=4096)
def _step(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else shown(key)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest *known* word, or nothing."""
    near = difflib.get_close_matches(word[:80], sorted(known), n=1, cutoff=0.7)
    return f"did you mean {near[0]!r}?" if near else ""
