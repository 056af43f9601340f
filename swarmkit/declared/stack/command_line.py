"""A command written as one string, split into its words as Docker's own tool does (google/shlex, lexer.go)."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""[ \t\r\n]+ | \#[^\n]* | (?P<word>(?: \\. | '[^']*' | "(?:\\.|[^"\\])*" | [^ \t\r\n'"\\] )+)""",
    re.VERBOSE | re.DOTALL,
)
_PART = re.compile(
    r"""\\(?P<escaped>.) | '(?P<single>[^']*)' | "(?P<double>(?:\\.|[^"\\])*)" """, re.VERBOSE | re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def words(text: str) -> tuple[str, ...]:
    """Return the words of *text*; raises ValueError for a quotation or an escape that does not end.

    Not as a shell or Python's shlex have it: a ``#`` where a word could begin is a comment to the line's end, and a
    backslash within double quotes escapes every character.
    """
    found: list[str] = []
    place = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise ValueError("no escaped character" if text.endswith("\\") else "no closing quotation")
        if token["word"] is not None:
            found.append(_PART.sub(_meant, token["word"]))
        place = token.end()
    return tuple(found)


def _meant(part: re.Match[str]) -> str:
    if part["double"] is not None:
        return _ESCAPED.sub(r"\1", part["double"])
    return str(part["escaped"] if part["single"] is None else part["single"])
