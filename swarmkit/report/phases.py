"""How long each phase of a run took."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from swarmkit.report.layout import seconds_text


def print_phases(console: Console, phases: Sequence[tuple[str, float]]) -> None:
    """Print the phases' seconds: see render_phases."""
    console.print(render_phases(phases))


def render_phases(phases: Sequence[tuple[str, float]]) -> RenderableType:
    """Return a line for each phase in its order, rounds of one phase added up, and their sum."""
    seconds: dict[str, float] = {}
    for name, one in phases:
        seconds[name] = seconds.get(name, 0.0) + one
    rows = [*seconds.items(), ("all", sum(seconds.values()))]
    width = max(len(name) for name, _ in rows)
    lines = [Text(f"  {name:{width}}  {seconds_text(one):>8}", style="dim") for name, one in rows[:-1]]
    return Group(*lines, Text(f"  {'all':{width}}  {seconds_text(rows[-1][1]):>8}", style="bold"))
