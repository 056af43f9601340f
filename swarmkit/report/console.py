"""Consoles for people: colours and wrapping on a terminal, bare unwrapped lines elsewhere."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TextIO

from rich.console import Console

UNWRAPPED_WIDTH = 10_000
"""Wide enough that a line in a log stays one line, so that it can be searched, and a command in it be copied."""


def console_for(stream: TextIO) -> Console:
    """Return the console for *stream*; NO_COLOR and TERM=dumb are heeded, what it cannot encode becomes ``?``."""
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(io.UnsupportedOperation, ValueError):
            stream.reconfigure(errors="replace")
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width, console.soft_wrap = UNWRAPPED_WIDTH, True
    return console


def results() -> Console:
    """Return the console for results."""
    return console_for(sys.stdout)


def messages() -> Console:
    """Return the console for progress, questions and errors."""
    return console_for(sys.stderr)
