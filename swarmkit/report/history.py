"""Runs as their journals tell of them, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from swarmkit.journal.record import SCHEMA, RunRecord, StepRecord, StepStatus
from swarmkit.report.json_value import json_value
from swarmkit.report.layout import Line, clean, line, seconds_text
from swarmkit.report.tables import columns

_STYLES: dict[StepStatus, tuple[str, str]] = {
    "done": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "under way": ("?", "bold yellow"),
    "not started": ("·", "dim"),
}


def print_runs(console: Console, runs: Sequence[RunRecord]) -> None:
    """Print a row for each run of this machine."""
    if not runs:
        console.print(Text("no run has changed anything from this machine yet", style="dim"))
        return
    headings = ("RUN", "BEGAN", "WHO", "COMMAND", "CLUSTER", "STEPS", "TOOK", "ENDED")
    console.print(columns(headings, [_row(run) for run in runs]))


def print_kept_runs(console: Console, runs: Sequence[RunRecord]) -> None:
    """Print a row for each run that the managers keep, and why it failed."""
    if not runs:
        console.print(Text("the managers keep no run yet", style="dim"))
        return
    rows = []
    for run in runs:
        cells = (run.run, run.began, f"{run.user}@{run.host}", run.command)
        took = Text(seconds_text(run.seconds) if run.state == "ended" else "")
        rows.append((*(Text(clean(cell)) for cell in cells), took, _ending(run), Text(clean(run.error), style="dim")))
    console.print(columns(("RUN", "BEGAN", "WHO", "COMMAND", "TOOK", "ENDED", ""), rows))


def print_run(console: Console, run: RunRecord) -> None:
    """Print one run with every step."""
    console.print(line("", f"{run.run}: {run.command} of cluster {run.cluster}", style="bold"))
    console.print(line("  ", f"{run.began} by {run.user}@{run.host}, pid {run.pid}"))
    if run.inventory:
        console.print(line("  ", f"inventory {run.inventory}"))
    else:
        there = f"swarmkit history show {run.run}, on {run.host}"
        console.print(line("  ", f"as the managers keep it; step by step: {there}", style="dim"))
    for step in run.steps:
        console.print(_step(step, run))
    console.print(Line(Text("  "), Text.assemble(_ending(run), (f"  {seconds_text(run.seconds)}", "dim"))))
    for part in run.error.splitlines():
        console.print(line("  ", part))


def runs_as_json(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Return runs as JSON values, without their steps."""
    return {"schema": SCHEMA, "runs": [{k: v for k, v in run_as_json(run).items() if k != "steps"} for run in runs]}


def run_as_json(run: RunRecord) -> dict[str, Any]:
    """Return a run as JSON values."""
    values: dict[str, Any] = json_value(asdict(run))
    return values


def _row(run: RunRecord) -> tuple[Text, ...]:
    done = sum(step.status == "done" for step in run.steps)
    cells = (run.run, run.began, f"{run.user}@{run.host}", run.command, run.cluster, f"{done}/{len(run.steps)}")
    return (*(Text(clean(cell)) for cell in cells), Text(seconds_text(run.seconds)), _ending(run))


def _ending(run: RunRecord) -> Text:
    if run.state == "ended":
        return Text(f"exit {run.exit_code}", style="green" if run.exit_code == 0 else "bold red")
    return Text(run.state, style="bold yellow")


def _step(step: StepRecord, run: RunRecord) -> Line:
    symbol, style = _STYLES[step.status]
    body = Text(clean(f"{step.target}: {step.summary}" + (f" ({step.note})" if step.note else "")))
    if step.status == "under way":
        body.append("  still under way" if run.state == "running" else "  it may have been done or not", style="yellow")
    elif step.status != "not started":
        body.append(f"  {seconds_text(step.seconds)}", style="dim")
    return Line(Text.assemble("  ", (symbol, style), " "), body)
