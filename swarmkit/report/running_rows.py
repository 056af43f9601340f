"""The rows of what is under way: spinner, what, how far, seconds; never more than the terminal holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import ConsoleDimensions
from rich.text import Text

from swarmkit.report.layout import bytes_text, clean, seconds_text
from swarmkit.report.progress_record import Running

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_A_SECOND = 10
_ROWS_KEPT_FREE = 4
_INDENT = 4
_WIDTH_FOR_LONG_BARS = 100


def spinner_frame(now: float) -> str:
    """Return the spinner's picture at *now*."""
    return _FRAMES[int(now * _FRAMES_A_SECOND) % len(_FRAMES)]


def running_rows(running: Sequence[Running], now: float, size: ConsoleDimensions) -> Iterator[Text]:
    """Yield a row for each of *running*, the oldest first; those that do not fit are counted."""
    fit = max(1, size.height - _ROWS_KEPT_FREE)
    shown = running[:fit]
    labels = [_label(one) for one in shown]
    tails = [_tail(one, now - one.since, size.width) for one in shown]
    room = size.width - _INDENT - 3 - max((tail.cell_len for tail in tails), default=0)
    width = max(8, min(room, max((label.cell_len for label in labels), default=0)))
    for label, tail in zip(labels, tails, strict=True):
        label.truncate(max(width, size.width - _INDENT - 3 - tail.cell_len), overflow="ellipsis")
        label.pad_right(max(0, width - label.cell_len))
        row = Text.assemble("  ", (spinner_frame(now), "cyan"), " ", label, "  ", tail)
        row.truncate(size.width - 1, overflow="ellipsis")
        yield row
    if len(running) > fit:
        yield Text(f"    and {len(running) - fit} more", style="dim")


def _label(one: Running) -> Text:
    label = Text(_one_line(one.label))
    if one.detail:
        label.append(f"  {_one_line(one.detail)}", style="dim")
    return label


def _tail(one: Running, elapsed: float, width: int) -> Text:
    if not one.total:
        return Text(seconds_text(elapsed), style="dim")
    words = [f"{bytes_text(one.done)} of {bytes_text(one.total)}"]
    if elapsed > 0:
        words.append(f"{bytes_text(one.done / elapsed)}/s")
    tail = _bar(one.done / one.total, 20 if width >= _WIDTH_FOR_LONG_BARS else 8)
    return tail.append("  ".join(["", *words, seconds_text(elapsed)]), style="dim")


def _bar(share: float, width: int) -> Text:
    filled = round(min(1.0, max(0.0, share)) * width)
    return Text.assemble(("━" * filled, "cyan"), ("─" * (width - filled), "dim"))


def _one_line(text: str) -> str:
    return clean(" ".join(text.split()))
