"""Errors as the operator sees them: what, why, what to do now."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.text import Text

from swarmkit.errors import InputError, SwarmkitError
from swarmkit.report.console import console_for
from swarmkit.report.layout import Line, clean, line

_AGAIN = "once the cause is removed, run the same command again"
"""What to do about every error that comes without advice of its own, such as a lost connection; never bad input."""


def print_error(error: SwarmkitError, stream: TextIO) -> None:
    """Print what failed, why (every complaint on its own line) and what to do."""
    console = console_for(stream)
    _print_what(console, error.what)
    if isinstance(error, InputError) and error.complaints:
        for complaint in error.complaints:
            console.print(line("  ", str(complaint)))
        for warning in error.warnings:
            console.print(line("  warning: ", str(warning), style="yellow"))
    else:
        _print_lines(console, "  ", error.why)
    _print_lines(console, "  to do: ", error.to_do or ("" if isinstance(error, InputError) else _AGAIN))


def print_bug(error: Exception, stream: TextIO) -> None:
    """Print an exception that is our own mistake, in one line without its traceback."""
    console = console_for(stream)
    message = " ".join(str(error).split())
    _print_what(console, f"{type(error).__name__}: {message} (this is a bug; run again with: swarmkit --debug ...)")


def _print_what(console: Console, what: str) -> None:
    prefix = Text("error: ", style="bold red")
    first, *rest = clean(what).split("\n")
    console.print(Line(prefix, Text(first, style="bold")))
    for more in rest:
        console.print(line("       ", more))


def _print_lines(console: Console, prefix: str, text: str) -> None:
    for number, part in enumerate(text.splitlines()):
        console.print(line(prefix if number == 0 else " " * len(prefix), part))
