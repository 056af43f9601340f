"""What both displays of progress keep: phases with their seconds, and what is running."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass
class Running:
    """An operation under way."""

    target: str
    text: str
    since: float
    detail: str = ""
    done: int = 0
    total: int = 0
    told_at: float = 0.0
    """When its last line was printed."""

    @property
    def label(self) -> str:
        return f"{self.target}: {self.text}" if self.target else self.text


@dataclass(frozen=True)
class Ended:
    """An operation that has ended, and how."""

    running: Running
    seconds: float
    ok: bool
    note: str

    @property
    def label(self) -> str:
        if not self.ok:
            return f"{self.running.label} failed" + (f": {self.note}" if self.note else "")
        text = self.note or self.running.text
        return f"{self.running.target}: {text}" if self.running.target else text


class ProgressRecord:
    """Keep phases and running operations; the caller holds its lock around every call."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self.phases: list[tuple[str, float]] = []
        self.current = ""
        self.running: dict[str, Running] = {}
        self._since = 0.0

    @property
    def phase_seconds(self) -> float:
        return self.clock() - self._since if self.current else 0.0

    def begin(self, name: str) -> None:
        self.current, self._since = name, self.clock()

    def finish(self) -> tuple[str, float] | None:
        """End the current phase and return its name and seconds; None when there is none."""
        if not self.current:
            return None
        ended = (self.current, self.phase_seconds)
        self.phases.append(ended)
        self.current = ""
        return ended

    def start(self, key: str, target: str, text: str) -> Running:
        now = self.clock()
        self.running[key] = Running(target, text, now, told_at=now)
        return self.running[key]

    def advance(self, key: str, text: str, done: int, total: int) -> Running | None:
        running = self.running.get(key)
        if running:
            running.detail, running.done, running.total = text, done, total
        return running

    def end(self, key: str, *, ok: bool, note: str) -> Ended | None:
        running = self.running.pop(key, None)
        return Ended(running, self.clock() - running.since, ok, note) if running else None
