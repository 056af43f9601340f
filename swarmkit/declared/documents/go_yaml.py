"""What Go's yaml.v3, Docker's parser, makes of an unquoted date."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# yaml.v3 resolve.go, allowedTimestampFormats.
_DATE = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?:(?P<at>[Tt ])([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.ASCII,
)


def date(text: str) -> str | None:
    """Return what Docker passes on of an unquoted date (time.Time's String), or None for what is no date."""
    match = _DATE.fullmatch(text) if text[4:5] == "-" else None
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
