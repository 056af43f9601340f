"""Values that Compose writes in several forms: maps or lists of ``k=v``, commands, durations, sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from swarmkit.declared.documents import units
from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.documents.nodes import ScalarNode, kind
from swarmkit.declared.stack.command_line import words

MILLISECOND = 10**6
# What ends a C string, and halves of a UTF-16 pair, which no encoding takes.
_NOT_PASSED_ON = re.compile(r"[\0\ud800-\udfff]")


def string(field: Field) -> str | None:
    """Return any scalar as Docker would pass it on: numbers and truths as Go prints them, nothing as ``""``."""
    if not isinstance(field.node, ScalarNode):
        field.refuse("B05", f"must be a single value, got {kind(field.node)}")
        return None
    text = units.go_text(field.node.value)
    if _NOT_PASSED_ON.search(text):
        field.refuse("B05", "holds characters that cannot be passed on")
        return None
    return text


def strings(field: Field) -> tuple[str, ...]:
    """Return a list of texts; a single one counts as a list of one."""
    items = field.items() if not isinstance(field.node, ScalarNode) or field.is_empty else [field]
    return tuple(text for item in items if (text := string(item)) is not None)


def pairs(field: Field) -> dict[str, str | None]:
    """Return a map, or a list of ``key=value``; None where no value is written."""
    found: dict[str, str | None] = {}
    if field.is_list:
        for item in field.items():
            key, equals, value = (string(item) or "").partition("=")
            if not key:
                item.refuse("B05", "must be key=value")
            found[key] = value if equals else None
        return found
    for key, item in field.fields().items():
        if not key or "=" in key:
            field.key(key).refuse("B05", f"{shown(key)} is not a name")
        found[key] = None if item.is_empty else string(item)
    return found


def labels(field: Field | None) -> dict[str, str]:
    return {key: value or "" for key, value in pairs(field).items()} if field else {}


def environment(field: Field | None, surroundings: Mapping[str, str]) -> dict[str, str | None]:
    """Return the variables; an empty or missing value is taken from *surroundings* (docker/cli updateEnvironment)."""
    written = pairs(field) if field else {}
    return {key: value or surroundings.get(key, value) for key, value in written.items()}


def command(field: Field | None) -> tuple[str, ...] | None:
    """Return a command as its words; None leaves the image's own."""
    if field is None or field.is_empty:
        return None
    if field.is_list:
        return strings(field) or None
    try:
        return words(string(field) or "") or None
    except ValueError as error:
        field.refuse("B05", f"not a command line ({str(error).lower()})")
        return None


def duration(field: Field | None, *, minimum: int = 0) -> int | None:
    """Return nanoseconds; a number without a unit is refused, as is less than *minimum*, but for 0."""
    if field is None:
        return None
    text = string(field)
    if text is None:
        return None
    value = units.nanoseconds(text)
    if value is None:
        advice = f"write '{text}s'" if text.isdecimal() and text.isascii() else "write it as 10s, 1m30s or 500ms"
        field.refuse("B41", f"{shown(text)} is not a duration", advice)
    elif 0 < value < minimum:
        field.refuse("B41", f"{shown(text)} is too short", "write at least 1ms")
        return None
    return value


def size(field: Field | None, *, minimum: int = 0) -> int | None:
    """Return bytes; fewer than *minimum* are refused, but for 0, which is no limit."""
    text = string(field) if field else None
    if field is None or text is None:
        return None
    value = units.bytes_of(text)
    if value is None:
        field.refuse("B42", f"{shown(text)} is not a size", "write it as 512M or 2G")
    elif 0 < value < minimum:
        field.refuse("B42", f"{shown(text)} is too small", f"write at least {minimum >> 20}M")
        return None
    return value


def cpus(field: Field | None) -> int | None:
    """Return nano-CPUs; less than a thousandth of a CPU is refused, but for 0, which is no limit, as nothing is."""
    text = string(field) if field else None
    if field is None or not text:
        return None
    value = units.nano_cpus(text)
    if value is None or 0 < value < MILLISECOND:
        field.refuse("B42", f"{shown(text)} is not a number of CPUs", "write it as '0.25', at least 0.001")
        return None
    return value
