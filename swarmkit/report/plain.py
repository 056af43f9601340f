"""Progress without a terminal: a line when something starts, a line when it ends."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self, TextIO

from swarmkit.report.layout import bytes_text, clean, seconds_text
from swarmkit.report.progress_record import Clock, ProgressRecord, Running

SILENCE_SECONDS = 10.0
"""After which an operation under way says how far it is."""


class PlainProgress:
    """Write progress to *stream*, line by line; safe to call from several threads.

    Where the stream takes nothing any more, as a log on a full disk or a pipe that nobody reads, the rest is not told:
    what a run changes is not left half done for that.
    """

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream, self._record, self._lock = stream, ProgressRecord(clock), threading.Lock()
        self._is_lost = False

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
        with self._lock:
            self._finish()
            self._record.begin(name)
            self._say(f"{name} ...")

    def rest(self) -> None:
        """End the current phase: what comes now is not ours to time, such as a question."""
        with self._lock:
            self._finish()

    def started(self, key: str, target: str, text: str) -> None:
        with self._lock:
            self._say(f"{self._record.start(key, target, text).label} ...")

    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None:
        with self._lock:
            running = self._record.advance(key, text, done, total)
            now = self._record.clock()
            if running and now - running.told_at >= SILENCE_SECONDS:
                running.told_at = now
                self._say(f"{running.label}: {_how_far(running)}, {seconds_text(now - running.since)}")

    def warned(self, key: str, text: str) -> None:
        with self._lock:
            running = self._record.running.get(key)
            self._say(f"{running.label if running else key}: {text}")

    def ended(self, key: str, *, ok: bool, note: str = "") -> None:
        with self._lock:
            ended = self._record.end(key, ok=ok, note=note)
            if ended:
                self._say(f"{ended.label}, {seconds_text(ended.seconds)}")

    def _finish(self) -> None:
        ended = self._record.finish()
        if ended:
            self._say(f"{ended[0]}: {seconds_text(ended[1])}")

    def _say(self, text: str) -> None:
        if self._is_lost:
            return
        try:
            self._stream.write(clean(" ".join(text.splitlines())) + "\n")
            self._stream.flush()
        except OSError:
            self._is_lost = True


def _how_far(running: Running) -> str:
    if not running.total:
        return running.detail or "still under way"
    amount = f"{bytes_text(running.done)} of {bytes_text(running.total)}"
    return f"{running.detail}, {amount}" if running.detail else amount
