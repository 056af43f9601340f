"""Progress on a terminal: what runs with spinner and seconds, what has ended as a line above it."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from swarmkit.report.console import console_for
from swarmkit.report.layout import Line, clean, seconds_text
from swarmkit.report.plain import PlainProgress
from swarmkit.report.progress_record import Clock, Ended, ProgressRecord
from swarmkit.report.running_rows import running_rows, spinner_frame

REFRESHES_A_SECOND = 10


def progress_for(stream: TextIO) -> LiveProgress | PlainProgress:
    """Return a live display when *stream* is a terminal that can move its cursor, else plain lines."""
    console = console_for(stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveProgress(console)
    return PlainProgress(stream)


class LiveProgress:
    """Show progress on *console*; safe to call from several threads.

    Call ``rest()`` before printing elsewhere or asking something; the next phase takes the display up again.
    """

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console, self._record = console, ProgressRecord(clock)
        self._heading_due = False
        self._ended_count = 0
        # A line printed while another thread refreshes moves the cursor by a height that no longer holds, and leaves
        # rows behind: rich works out the move before it takes the console. So whoever writes holds _order, the
        # refreshes are ours, and _lock guards only what is shown; _order is always taken first.
        self._order, self._lock = threading.RLock(), threading.Lock()
        self._live: Live | None = None

    @property
    def phases(self) -> list[tuple[str, float]]:
        return self._record.phases

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rest()

    def phase(self, name: str) -> None:
        with self._order:
            self._finish()
            with self._lock:
                self._record.begin(name)
                self._heading_due, self._ended_count = True, 0
            self._show()

    def rest(self) -> None:
        """End the current phase and clear the display."""
        with self._order:
            self._finish()
            if self._live:
                self._live.stop()
                self._live = None

    def started(self, key: str, target: str, text: str) -> None:
        with self._lock:
            self._record.start(key, target, text)

    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None:
        with self._lock:
            self._record.advance(key, text, done, total)

    def warned(self, key: str, text: str) -> None:
        with self._order:
            with self._lock:
                running, heading = self._record.running.get(key), self._due_heading()
            target = f"{running.target or running.text}: " if running else ""
            body = Text(clean(" ".join(f"{target}{text}".split())), style="yellow")
            self._print_below(heading, Line(Text.assemble("  ", ("!", "yellow"), " "), body))

    def ended(self, key: str, *, ok: bool, note: str = "") -> None:
        with self._order:
            with self._lock:
                ended, heading = self._record.end(key, ok=ok, note=note), self._due_heading()
                self._ended_count += 1
            self._print_below(heading, _ended_line(ended) if ended else None)

    def _due_heading(self) -> str:
        heading, self._heading_due = (self._record.current if self._heading_due else ""), False
        return heading

    def _print_below(self, heading: str, what: Line | None) -> None:
        if heading:
            self._console.print(Text(heading, style="bold"))
        if what:
            self._console.print(what)

    def _finish(self) -> None:
        """Print the seconds of the phase that ends: beside its name when nothing stands beneath it."""
        with self._lock:
            ended, bare = self._record.finish(), self._heading_due
        if ended and bare:
            self._console.print(Text.assemble((ended[0], "bold"), (f"  {seconds_text(ended[1])}", "dim")))
        elif ended:
            self._console.print(Text(f"  {seconds_text(ended[1])} in all", style="dim"))

    def _show(self) -> None:
        if self._live is None:
            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
            )
            self._live.start(refresh=True)
            threading.Thread(target=self._refresh, args=(self._live,), daemon=True).start()

    def _refresh(self, live: Live) -> None:
        """Draw again and again until *live* is no longer the one shown."""
        while True:
            time.sleep(1 / REFRESHES_A_SECOND)
            with self._order:
                if self._live is not live:
                    return
                live.refresh()

    def _render(self) -> RenderableType:
        with self._lock:
            if not self._record.current:
                return Text()
            now = self._record.clock()
            rows = running_rows(list(self._record.running.values()), now, self._console.size)
            status = Text.assemble((spinner_frame(now), "cyan"), " ", (self._record.current, "bold"))
            status.append(f"  {seconds_text(self._record.phase_seconds)}", style="dim")
            if self._ended_count or self._record.running:
                counts = f"{self._ended_count} done, {len(self._record.running)} running"
                status.append(f" · {counts}", style="dim")
            return Group(*rows, status)


def _ended_line(ended: Ended) -> Line:
    symbol, style = ("✔", "green") if ended.ok else ("✘", "bold red")
    body = Text(clean(ended.label), style="" if ended.ok else "red")
    body.append(f"  {seconds_text(ended.seconds)}", style="dim")
    return Line(Text.assemble("  ", (symbol, style), " "), body)
