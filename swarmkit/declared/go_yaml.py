"""Where Go's yaml.v3, Docker's parser, takes more than ruamel.yaml does: tabs between words, dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from ruamel.yaml.scanner import Scanner

_LINE_ENDS = "\0\r\n\x85\u2028\u2029"
# yaml.v3 resolve.go, allowedTimestampFormats.
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?P<at>[Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)


class TabScanner(Scanner):
    """Takes a tab after a word of a line for a space, and leaves one that indents an error."""

    def scan_to_next_token(self) -> Any:
        super().scan_to_next_token()
        while self.reader.peek() == "\t" and not self.allow_simple_key:
            while self.reader.peek() in " \t":
                self.reader.forward()
            super().scan_to_next_token()

    def scan_plain_spaces(self, indent: Any, start_mark: Any) -> Any:
        length = 0
        while self.reader.peek(length) in " \t":
            length += 1
        blanks = self.reader.prefix(length)
        if "\t" not in blanks:
            return super().scan_plain_spaces(indent, start_mark)
        self.reader.forward(length)
        at_end = self.reader.peek() in _LINE_ENDS
        return super().scan_plain_spaces(indent, start_mark) if at_end else [blanks]


def date(text: str) -> str | None:
    """Return what Docker passes on of an unquoted date (time.Time's String), or None for what is no date."""
    match = _DATE.fullmatch(text)
    # A space before the time goes without a zone, a T with one.
    if not match or (match["at"] and (match["at"] == " ") == bool(match["zone"])):
        return None
    year, month, day, hour, minute, second = (int(match[group] or 0) for group in (1, 2, 3, 5, 6, 7))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    fraction = (match["fraction"] or "").rstrip("0")
    zone = "+0000 UTC" if match["zone"] in (None, "Z") else " ".join([match["zone"].replace(":", "")] * 2)
    return f"{moment:%Y-%m-%d %H:%M:%S}{'.' if fraction else ''}{fraction} {zone}"
