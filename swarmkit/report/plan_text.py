"""A plan as text for people: what will be done to what and why, or why nothing may be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.text import Text

from swarmkit.plan.model import Plan, Step, Subject, Verb
from swarmkit.report.finding_text import by_severity, finding_lines
from swarmkit.report.layout import Line, clean, counted, line

NOTHING_TO_DO = "nothing to do: the cluster is as declared"
_HEADINGS: dict[Subject, str] = {
    "swarm": "swarm",
    "node": "nodes",
    "volume": "volumes",
    "network": "networks",
    "secret": "secrets",
    "config": "configs",
    "image": "images",
    "service": "services",
    "container": "containers",
}
_SYMBOLS: dict[Verb, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "remove": ("-", "red"),
    "wait": (" ", "dim"),
}
_WIDEST_TARGET = 28


def print_plan(console: Console, plan: Plan, *, cluster: str, hosts: Collection[str] = ()) -> None:
    """Print *plan* for *cluster*; *hosts* are the inventory's names, for the count in the last line."""
    console.print(render_plan(plan, cluster=cluster, hosts=hosts))


def render_plan(plan: Plan, *, cluster: str, hosts: Collection[str] = ()) -> RenderableType:
    """Return the plan's text; a refused plan shows its refusals and nothing else."""
    if plan.refusals:
        return Group(*_refusals(plan, cluster, "nothing was changed"))
    steps = [operation.step for operation in plan.operations]
    parts: list[RenderableType] = []
    if plan.is_empty:
        nothing = f"nothing to do: {clean(plan.why_nothing)}" if plan.why_nothing else NOTHING_TO_DO
        parts += [Text(nothing, style="green"), *_rows(steps)]
    else:
        parts += [line("", f"plan for cluster {cluster}", style="bold"), Text(), *_groups(steps)]
        parts.append(Text(_footer(steps, hosts), style="bold"))
    for warning in by_severity(plan.warnings):
        parts += [Text(), *finding_lines(warning)]
    return Group(*parts)


def print_refused_later(console: Console, plan: Plan, *, cluster: str) -> None:
    """Print why a run does not go on that has already done something, which was printed before."""
    console.print(Group(*_refusals(plan, cluster, "what was done before is told above")))


def _refusals(plan: Plan, cluster: str, outcome: str) -> Iterator[RenderableType]:
    count = counted(len(plan.refusals), "reason")
    yield line("", f"cluster {cluster}: refused for {count}, {outcome}", style="bold red")
    for refusal in by_severity(plan.refusals):
        yield Text()
        yield from finding_lines(refusal)


def _groups(steps: list[Step]) -> Iterator[RenderableType]:
    for subject, heading in _HEADINGS.items():
        mine = [step for step in steps if step.subject == subject]
        if mine:
            yield Text(heading, style="bold")
            yield from _rows(mine)
            yield Text()


def _rows(steps: list[Step]) -> Iterator[RenderableType]:
    width = min(_WIDEST_TARGET, max((len(step.target) for step in steps), default=0))
    shown: set[str] = set()
    for step in _by_target(steps):
        yield _row(step, width, again=step.target in shown)
        yield from _changes(step, width)
        shown.add(step.target)


def _by_target(steps: Iterable[Step]) -> list[Step]:
    """Return the steps with those of one target together, targets in the order of their first step."""
    steps = list(steps)
    first: dict[str, int] = {}
    for number, step in enumerate(steps):
        first.setdefault(step.target, number)
    return sorted(steps, key=lambda step: first[step.target])


def _row(step: Step, width: int, *, again: bool) -> Line:
    symbol, style = _SYMBOLS[step.verb]
    if step.verb == "wait":
        return line(
            " " * (width + 6) if again else f"    {step.target:{width}}  ",
            _wait(step.summary, again=again),
            style="dim",
        )
    body = Text(clean(step.summary))
    if _loses_data(step):
        body.append("  cannot be undone", style="bold red")
    if step.reason:
        body.append(f"  ({clean(step.reason)})", style="dim")
    prefix = Text.assemble("  ", (symbol, style), f" {clean(step.target):{width}}  ")
    return Line(prefix, body)


def _loses_data(step: Step) -> bool:
    """What else is removed can be made again from the files: the minus says enough there."""
    return step.destructive and (step.verb != "remove" or step.subject in ("volume", "swarm"))


def _wait(summary: str, *, again: bool) -> str:
    words = summary.removeprefix("wait ").removeprefix("until ")
    condition = words if words.startswith("for ") else f"until {words}"
    return f"then waits {condition}" if again else f"waits {condition}"


def _changes(step: Step, width: int) -> Iterator[Line]:
    for change in step.changes:
        body = Text.assemble(clean(change.path), (": ", "dim"), (_value(change.old), "red"), (" -> ", "dim"))
        body.append(_value(change.new), style="green")
        yield Line(Text(" " * (width + 6)), body)


def _value(value: str) -> str:
    return clean(value) or "(none)"


def _footer(steps: list[Step], hosts: Collection[str]) -> str:
    verbs = Counter(step.verb for step in steps)
    parts = [f"{verbs[verb]} {verb}" for verb in ("create", "update", "remove") if verbs[verb]]
    touched = {step.target for step in steps if (step.target in hosts if hosts else step.subject in ("swarm", "node"))}
    if touched:
        parts.append(f"across {counted(len(touched), 'host')}")
    return " · ".join(parts)
