"""Reading journals back; what is damaged is told as far as it can be read."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from swarmkit.errors import InputError
from swarmkit.journal.record import SCHEMA, SUFFIX, RunRecord, RunState, StepRecord


def read_runs(folder: Path, *, limit: int | None = None) -> list[RunRecord]:
    """Return the newest *limit* runs, the newest first."""
    paths = sorted(folder.glob(f"*{SUFFIX}"), reverse=True)
    return [read_run(path) for path in paths[:limit]]


class UnknownRunError(InputError):
    """No run has that name, nor a beginning of it."""


def find_run(folder: Path, name: str) -> RunRecord:
    """Return the run *name*, given in full, by a beginning that no other has, or as ``last``."""
    names = sorted((path.stem for path in folder.glob(f"*{SUFFIX}")), reverse=True)
    return read_run(folder / (chosen(name, names, str(folder)) + SUFFIX))


def chosen(name: str, names: Sequence[str], place: str) -> str:
    """Return which of *names*, the newest first, is meant by *name*; raises InputError unless it is one alone."""
    found = names[:1] if name == "last" else [one for one in names if one.startswith(name)]
    if name in names:
        return name
    if len(found) > 1:
        raise InputError(f"{len(found)} runs begin with {name!r}", to_do="write more of it; see: swarmkit history")
    if not found:
        to_do = "see: swarmkit history; for a run from another machine name its inventory: -i FILE"
        raise UnknownRunError(f"no run {name!r} in {place}", to_do=to_do)
    return found[0]


def read_run(path: Path) -> RunRecord:
    """Return what the journal *path* tells; a last line that was cut off is passed over.

    One that is damaged, or of a schema that this version does not know, is unreadable.
    """
    try:
        with path.open() as file:
            held = _is_held(file.fileno())
            return _told(path.stem, list(_events(file.read())), held=held)
    except (OSError, ValueError, TypeError, KeyError):
        return RunRecord(path.stem, "unreadable")


def _told(run: str, events: list[dict[str, Any]], *, held: bool) -> RunRecord:
    if not events or events[0]["event"] != "began" or events[0]["schema"] != SCHEMA:
        return RunRecord(run, "unreadable")
    began, over = events[0], next((event for event in events if event["event"] == "over"), None)
    state: RunState = "ended" if over else "running" if held else "unfinished"
    return RunRecord(
        run, state, str(began.get("command")), str(began.get("cluster")), str(began.get("inventory")),
        str(began.get("user")), str(began.get("host")), int(began.get("pid", 0)), str(began.get("at")),
        float(events[-1].get("seconds", 0)), over.get("exit") if over else None,
        str(over.get("error", "")) if over else "", _steps(events),
    )  # fmt: skip


def _events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            event = json.loads(line)
            if isinstance(event, dict) and "event" in event:
                yield event


def _is_held(descriptor: int) -> bool:
    """Tell whether the run's process lives: it holds the file's lock to its end."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _steps(events: list[dict[str, Any]]) -> tuple[StepRecord, ...]:
    """Return the plan's steps, then those that later rounds added, each with how it ended."""
    steps: list[StepRecord] = []
    places: dict[str, int] = {}
    started: dict[str, float] = {}
    for event in events:
        key = str(event.get("key"))
        if event["event"] == "plan":
            steps += [StepRecord(str(one["key"]), str(one["target"]), str(one["summary"])) for one in event["steps"]]
            places = {step.key: number for number, step in enumerate(steps)}
        elif event["event"] == "started":
            if key not in places or steps[places[key]].status != "not started":
                places[key] = len(steps)
                steps.append(StepRecord(key, str(event["target"]), str(event["summary"])))
            started[key] = float(event["seconds"])
            steps[places[key]] = replace(steps[places[key]], status="under way")
        elif event["event"] == "ended" and key in places:
            steps[places[key]] = replace(
                steps[places[key]], status="done" if event["ok"] else "failed", note=str(event.get("note", "")),
                seconds=round(float(event["seconds"]) - started.get(key, 0.0), 3),
            )  # fmt: skip
    return tuple(steps)
