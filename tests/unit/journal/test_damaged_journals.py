"""The only files that the tool keeps of clusters, damaged: they are told of, and no plan trusts them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from swarmkit.cli.history import history
from swarmkit.journal.read import read_run, read_runs
from swarmkit.journal.record import journal_folder
from swarmkit.journal.write import Journal
from swarmkit.plan.model import Step
from swarmkit.plan.progress import Silent

SOURCES = Path(__file__).parents[3] / "swarmkit"
STEP = Step("join:B", "node", "create", "B", "join as worker")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return journal_folder()


def written(folder: Path) -> Path:
    journal = Journal(folder, "up", "prod", Path("prod.yaml"))
    journal.begin_steps([STEP])
    watched = journal.watching(Silent())
    watched.started("join:B", "B", "join as worker")
    watched.ended("join:B", ok=True)
    journal.end(0)
    return folder / f"{journal.run}.jsonl"


def events_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, {"schema": "swarmkit.journal/2"}),
        (0, {"schema": None}),
        (0, {"pid": "seven"}),
        (0, {"pid": [7]}),
        (1, {"steps": None}),
        (1, {"steps": [{"key": "join:B"}]}),
        (2, {"seconds": "soon"}),
        (-1, {"seconds": None}),
    ],
)
def test_a_journal_of_another_schema_or_shape_is_unreadable_and_the_others_are_listed(
    folder: Path, place: int, change: dict[str, object]
) -> None:
    path = written(folder)
    events = events_of(path)
    assert read_run(path).state == "ended"
    events[place] |= change
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    good = written(folder)
    assert {run.run: run.state for run in read_runs(folder)} == {path.stem: "unreadable", good.stem: "ended"}
    shown = CliRunner().invoke(history, [])
    assert shown.exit_code == 0, shown.exception
    assert "unreadable" in shown.output


def test_whatever_is_missing_of_a_journal_it_is_told_as_far_as_it_goes(folder: Path) -> None:
    path = written(folder)
    whole = path.read_bytes()
    states = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        states.add(read_run(path).state)
    assert states == {"unreadable", "unfinished", "ended"}


def test_journals_that_are_deleted_meanwhile_stop_no_run_and_are_not_missed(folder: Path) -> None:
    journal = Journal(folder, "up", "prod", Path("prod.yaml"))
    journal.begin_steps([STEP])
    next(folder.iterdir()).unlink()
    folder.rmdir()
    journal.watching(Silent()).started("join:B", "B", "join as worker")
    journal.end(0)
    assert read_runs(folder) == []
    assert written(folder).exists()


def test_nothing_but_history_reads_journals_so_that_no_plan_trusts_them() -> None:
    reads = re.compile(r"journal[.]read\b|journal import read\b|read_runs?\b|find_run\b")
    readers = {str(path.relative_to(SOURCES)) for path in SOURCES.rglob("*.py") if reads.search(path.read_text())}
    assert readers == {"journal/read.py", "cli/history.py"}
