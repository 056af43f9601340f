"""Columns under dim headings, without lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text


def columns(headings: Sequence[str], rows: Iterable[Sequence[Text]]) -> Table:
    """Return a table as wide as its words; on a narrow terminal its cells wrap, and nothing is cut off."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
