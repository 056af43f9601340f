"""Lines with a hanging indent, and words made fit to print."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from swarmkit.secret import mask

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LEAST_BODY_WIDTH = 16


def clean(text: str) -> str:
    """Return *text* masked and without control characters: what a host says must not steer the terminal."""
    return _CONTROL.sub("", mask(text).replace("\r\n", "\n").replace("\t", " "))


def seconds_text(seconds: float) -> str:
    """Return ``0.4 s``, ``12 s`` or ``2 m 05 s``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} m {whole % 60:02d} s"


def bytes_text(count: float) -> str:
    """Return *count* bytes in the decimal unit that fits."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 99.95 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def counted(count: int, noun: str) -> str:
    """Return ``1 host``, ``3 hosts``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@dataclass(frozen=True)
class Line:
    """A body behind a prefix; what wraps stays to the right of the prefix, nothing is padded."""

    prefix: Text
    body: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self.prefix.cell_len
        if options.max_width - indent < _LEAST_BODY_WIDTH:
            indent = min(4, indent)
        width = max(1, options.max_width - indent)
        if indent == self.prefix.cell_len and "\n" not in self.body.plain and self.body.cell_len <= width:
            # Most lines fit, and looking for where to wrap one takes most of the printing of a large plan.
            body = self.body.copy()
            body.rstrip()
            yield from Text().join([self.prefix + body]).render(console, end="\n")
            return
        wrapped = self.body.wrap(console, width, overflow="fold") or [Text()]
        for number, part in enumerate(wrapped):
            part.rstrip()
            if number == 0 and indent == self.prefix.cell_len:
                yield self.prefix + part
            else:
                if number == 0:
                    yield self.prefix
                yield Text(" " * indent) + part


def line(prefix: str, body: str, *, prefix_style: str = "", style: str = "") -> Line:
    """Return a line of plain words, made fit to print."""
    return Line(Text(prefix, style=prefix_style), Text(clean(body), style=style))
