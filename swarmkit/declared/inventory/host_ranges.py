"""Host patterns of an inventory: ``web[01:20]``, ``db[a:f]``, ``n[0:9:3]``, and ``host:2222``."""

from __future__ import annotations

import itertools
import re
import string

MAXIMUM_HOSTS = 10_000
_RANGE = re.compile(r"\[([0-9]{1,8}|[a-zA-Z]):([0-9]{1,8}|[a-zA-Z])(?::([0-9]{1,4}))?\]")
_WITH_PORT = re.compile(r"([^:]+):([0-9]{1,5})")


def split_port(pattern: str) -> tuple[str, int | None]:
    """Return the pattern without its ``:port``; ranges and IPv6 addresses keep their colons."""
    match = _WITH_PORT.fullmatch(_RANGE.sub(lambda found: found[0].replace(":", "\0"), pattern))
    return (match[1].replace("\0", ":"), int(match[2])) if match else (pattern, None)


def expand(pattern: str) -> list[str]:
    """Return the host names of *pattern*; raise ValueError with the reason when a range is broken."""
    parts: list[list[str]] = []
    position = 0
    for match in _RANGE.finditer(pattern):
        parts += [[pattern[position : match.start()]], _values(match[1], match[2], match[3])]
        position = match.end()
    rest = pattern[position:]
    if any(bracket in text for text in [rest, *(part[0] for part in parts[::2])] for bracket in "[]"):
        raise ValueError("a range is [first:last] or [first:last:step]")
    count = 1
    for values in parts:
        count *= len(values)
    if count > MAXIMUM_HOSTS:
        raise ValueError(f"the ranges make more than {MAXIMUM_HOSTS} hosts")
    return ["".join(combination) for combination in itertools.product(*parts, [rest])]


def _values(first: str, last: str, step_text: str | None) -> list[str]:
    step = int(step_text) if step_text else 1
    if step == 0:
        raise ValueError("the step of a range is at least 1")
    values = _numbers(first, last, step) if first.isdigit() and last.isdigit() else _letters(first, last, step)
    if not values:
        raise ValueError("the range runs backwards")
    return values


def _numbers(first: str, last: str, step: int) -> list[str]:
    # A leading zero fixes the width, as in Ansible (parsing/utils/addresses.py, plugins/inventory).
    width = len(first) if first.startswith("0") and len(first) > 1 else 0
    if width and len(last) != width:
        raise ValueError("both ends of a zero-padded range need the same width")
    span = range(int(first), int(last) + 1, step)
    if len(span) > MAXIMUM_HOSTS:
        raise ValueError(f"the range makes more than {MAXIMUM_HOSTS} hosts")
    return [str(number).zfill(width) for number in span]


def _letters(first: str, last: str, step: int) -> list[str]:
    if first not in string.ascii_letters or last not in string.ascii_letters:
        raise ValueError("a range runs from number to number or from letter to letter")
    letters = string.ascii_letters
    return list(letters[letters.index(first) : letters.index(last) + 1 : step])
