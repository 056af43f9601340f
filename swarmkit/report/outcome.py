"""How an applied plan ended, so that nothing is half done without saying what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.text import Text

from swarmkit.errors import AGAIN, SwarmkitError
from swarmkit.plan.model import Applied, Outcome, OutcomeStatus
from swarmkit.report.layout import Line, clean, counted, line, seconds_text

_STYLES: dict[OutcomeStatus, tuple[str, str]] = {
    "done": ("✔", "green"),
    "failed": ("✘", "bold red"),
    "unknown": ("?", "bold yellow"),
    "not started": ("·", "dim"),
}


def print_outcome(console: Console, applied: Applied, go_on: str = AGAIN) -> None:
    """Print how each operation ended: see render_outcome."""
    console.print(render_outcome(applied, go_on))


def render_outcome(applied: Applied, go_on: str = AGAIN) -> RenderableType:
    """Return what is done and, when something failed, what failed and why, what is unknown and what was not started.

    *go_on* says how what is left gets done.
    """
    outcomes = list(applied.outcomes.values())
    done = _of(outcomes, "done")
    if not applied.failed and len(done) == len(outcomes):
        return Text(f"{counted(len(done), 'operation')} done", style="green")
    parts: list[RenderableType] = []
    if done:
        parts += [Text(f"done ({len(done)}):", style="bold"), *map(_brief, done)]
    for outcome in _of(outcomes, "failed"):
        parts += [Text("failed:", style="bold red"), *_full(outcome)]
    for outcome in _of(outcomes, "unknown"):
        parts += [Text("unknown, it may have been done or not:", style="bold yellow"), *_full(outcome)]
    waiting = _of(outcomes, "not started")
    if waiting:
        parts += [Text(f"not started ({len(waiting)}):", style="bold"), *map(_brief, waiting)]
    parts += [Text(), line("to do: ", f"once the cause is removed, {go_on}")]
    return Group(*parts)


def _of(outcomes: Sequence[Outcome], status: OutcomeStatus) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.status == status]


def _brief(outcome: Outcome) -> Line:
    symbol, style = _STYLES[outcome.status]
    body = Text(clean(f"{outcome.step.target}: {outcome.note or outcome.step.summary}"))
    if outcome.status != "not started":
        body.append(f"  {seconds_text(outcome.seconds)}", style="dim")
    return Line(Text.assemble("  ", (symbol, style), " "), body)


def _full(outcome: Outcome) -> Iterator[Line]:
    yield _brief(outcome)
    error = outcome.error
    if isinstance(error, SwarmkitError):
        for text in (error.what, error.why):
            yield from (line("      ", part) for part in text.splitlines())
        if error.to_do:
            yield line("      to do: ", error.to_do)
    elif error is not None:
        yield line("      ", f"{type(error).__name__}: {error}")
