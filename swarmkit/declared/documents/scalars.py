"""What an unquoted word means: YAML 1.1 for Ansible's files (PyYAML), Go's yaml.v3 for Docker's."""

from __future__ import annotations

import functools
import math
import re
from typing import Literal

from swarmkit.declared.documents.nodes import Plain

Dialect = Literal["ansible", "docker"]

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_TRUTHS: dict[Dialect, dict[str, bool]] = {
    "ansible": {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False},
    "docker": {"true": True, "false": False},
}
_SPELT = {
    dialect: {case(word): value for word, value in words.items() for case in (str.lower, str.upper, str.title)}
    for dialect, words in _TRUTHS.items()
}
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]{0,17})")
_BASED = re.compile(r"[-+]?0(x[0-9a-fA-F]{1,15}|b[01]{1,60}|o[0-7]{1,20}|[0-7]{1,20})")
_FLOAT = re.compile(r"[-+]?([0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30}(?=[eE]))([eE][-+]?[0-9]{1,3})?")


# A large file says the same few words thousands of times.
@functools.lru_cache(maxsize=4096)
def resolve(text: str, dialect: Dialect) -> Plain:
    """Return the value of a plain scalar; words that are neither number, truth nor nothing stay text."""
    if text in _NULLS:
        return None
    truth = _SPELT[dialect].get(text)
    return _number(text) if truth is None else truth


def _number(text: str) -> int | float | str:
    if _DECIMAL.fullmatch(text):
        return int(text.replace("_", ""))
    if _BASED.fullmatch(text):
        return _based(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _based(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")[1:]
    base = {"x": 16, "b": 2, "o": 8}.get(digits[0])
    return sign * (int(digits[1:], base) if base else int(digits, 8))
