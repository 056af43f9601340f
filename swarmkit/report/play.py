"""A play as it goes on: each step before it runs, and how to go on where it stopped."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from swarmkit.declared.playbooks.model import Condition, Playbook, PlayStep
from swarmkit.report.layout import Line, clean, counted, line, seconds_text


def print_playbook(console: Console, name: str, playbook: Playbook, cluster: str) -> None:
    """Print what is about to be played, and on which cluster."""
    console.print(line("", f"playbook {name} on cluster {cluster}: {playbook.title}", style="bold"))
    if playbook.about:
        console.print(line("  ", playbook.about))


def print_step(console: Console, number: int, count: int, step: PlayStep, command: Sequence[str]) -> None:
    """Print a step before it runs: its number and name, what it does, its note."""
    console.print()
    does = doing(step, command)
    console.print(Line(Text(f"[{number}/{count}] "), Text.assemble((step.name, "bold"), f"  {does}" if does else "")))
    if step.note:
        console.print(line("  ", step.note))


def print_conditions(console: Console, step: PlayStep, unmet: Sequence[Condition]) -> None:
    """Print each condition of a step with whether it holds now."""
    for condition in step.when:
        holds = condition not in unmet
        console.print(line("  when ", f"{condition}: {'so' if holds else 'not so'} now", style="" if holds else "dim"))


def print_skipped(console: Console, why: str) -> None:
    console.print(line("  ", f"skipped: {why}", style="yellow"))


def print_done(console: Console, done: int, skipped: int, seconds: float) -> None:
    console.print()
    text = f"{counted(done, 'step')} done, {skipped} skipped, {seconds_text(seconds)}"
    console.print(line("", text, style="green"))


def print_stopped(console: Console, step: PlayStep, exit_code: int, done: int, again: Sequence[str]) -> None:
    """Print where a play stopped and the command that goes on there."""
    console.print()
    console.print(line("", f"stopped at step {step.name} (exit {exit_code}), {counted(done, 'step')} done before",
                       style="bold red"))  # fmt: skip
    console.print(line("  to do: ", "once the cause is removed:"))
    # Wrapped by the terminal alone: a line broken here could not be copied as one command.
    console.print(Text(f"    {clean(shlex.join(again))}"), soft_wrap=True)


def doing(step: PlayStep, command: Sequence[str]) -> str:
    """Return what a step does, in one line."""
    if command:
        return "swarmkit " + shlex.join(command)
    if step.wait_for:
        return f"wait until {' and '.join(map(str, step.wait_for))}, at most {step.timeout_seconds} s"
    return ""
