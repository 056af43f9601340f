"""Any value as JSON can carry it, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.secret import mask


def json_value(value: object) -> Any:
    """Return *value* with mappings, sequences and sets as JSON has them; what JSON lacks becomes its text, masked."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): json_value(item) for key, item in value.items()}
        case list() | tuple():
            return [json_value(item) for item in value]
        case set() | frozenset():
            return sorted(json_value(item) for item in value)
        case _:
            return mask(str(value))
