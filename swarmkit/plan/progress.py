"""What a run tells while it goes on; the report room shows it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol, runtime_checkable


class Progress(Protocol):
    """Called from several threads at once; a key is an operation's or a phase's."""

    def phase(self, name: str) -> None:
        """A phase begins (connect, observe, plan, apply, converge, verify); the one before has ended."""

    def started(self, key: str, target: str, text: str) -> None: ...

    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None:
        """Say how far *key* is: a text, or *done* of *total* bytes (an image on its way)."""

    def warned(self, key: str, text: str) -> None:
        """Say at once what goes wrong in *key*, which goes on."""

    def ended(self, key: str, *, ok: bool, note: str = "") -> None: ...


def telling(progress: Progress, phase: str = "connect") -> Callable[[str], None]:
    """Return what says at once what goes wrong in *phase*."""
    return functools.partial(progress.warned, phase)


@runtime_checkable
class OfARun(Protocol):
    """A progress that a journal keeps."""

    @property
    def run(self) -> str:
        """The name of the run, empty before it begins to write."""


class Silent:
    """A progress that nobody watches."""

    def phase(self, name: str) -> None: ...
    def started(self, key: str, target: str, text: str) -> None: ...
    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None: ...
    def warned(self, key: str, text: str) -> None: ...
    def ended(self, key: str, *, ok: bool, note: str = "") -> None: ...
