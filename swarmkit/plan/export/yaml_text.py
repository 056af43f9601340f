"""YAML that Docker and swarmkit read alike: every text that could be taken for something else is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

Scalar = str | int | float | bool | None
Value = Scalar | Sequence["Value"] | Mapping[str, "Value"]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*", re.ASCII)
# Truths and nothing, in YAML 1.1 too.
# What YAML takes for the end of a line, folds or forbids, and JSON lets stand.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null"))


class FileMode(int):
    """A number that is written as an octal one."""


def yaml_text(document: Mapping[str, Value]) -> str:
    """Return *document* in block style, with an empty line between its sections."""
    sections = ["\n".join(_map({key: value}, 0)) for key, value in document.items()]
    return "\n\n".join(sections) + "\n"


def _map(values: Mapping[str, Value], depth: int) -> Iterator[str]:
    for key, value in values.items():
        yield from _entry(f"{'  ' * depth}{_text(key)}:", value, depth)


def _list(items: Sequence[Value], depth: int) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping) and item:
            first, *rest = _map(item, depth + 1)
            yield f"{'  ' * depth}- {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(f"{'  ' * depth}-", item, depth)


def _entry(head: str, value: Value, depth: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield f"{head} {{}}" if not value else head
        yield from _map(value, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield f"{head} []" if not value else head
        yield from _list(value, depth + 1)
    elif isinstance(value, str) and _can_be_block(value):
        yield f"{head} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"{'  ' * (depth + 1)}{line}".rstrip() for line in value.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Scalar) -> str:
    if isinstance(value, str):
        return _text(value)
    return f"0{value:o}" if isinstance(value, FileMode) else json.dumps(value)


def _text(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    quoted = json.dumps(text, ensure_ascii=False)
    return text if is_plain else _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _can_be_block(text: str) -> bool:
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() and line == line.rstrip() for line in lines)
        and not lines[0].startswith(" ")
        and bool(lines[0] and lines[-1])
    )
