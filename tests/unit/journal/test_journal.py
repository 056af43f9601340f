import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from swarmkit.cli.history import history
from swarmkit.cli.journaled import journaled
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError, NotConvergedError, SwarmkitError
from swarmkit.journal.read import find_run, read_runs
from swarmkit.journal.record import RunRecord, journal_folder
from swarmkit.journal.write import Journal, _new_file
from swarmkit.plan.context import Context
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.spec_diff import Change


@dataclass(frozen=True)
class Act:
    step: Step

    def run(self, context: Context) -> str:
        raise AssertionError(context)


JOIN = Act(Step("join:B", "node", "create", "B", "join as worker"))
LABEL = Act(Step("node:B", "node", "update", "B", "set labels", changes=(Change("env", "hunter2", "hunter3"),)))
PLAN = Plan((JOIN, LABEL))
INVENTORY = Inventory(Path("prod.yaml"), "prod", ())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return journal_folder()


def begun(folder: Path) -> Journal:
    journal = Journal(folder, "up", "prod", Path("prod.yaml"))
    journal.begin(PLAN)
    return journal


def test_a_run_is_told_with_who_what_and_how_each_step_ended(folder: Path) -> None:
    journal = begun(folder)
    watched = journal.watching(Silent())
    watched.started("join:B", "B", "join as worker")
    watched.ended("join:B", ok=True, note="node abc")
    watched.started("node:B", "B", "set labels")
    watched.ended("node:B", ok=False, note="no")
    watched.started("node:B", "B", "set labels again")
    journal.end(4, "not converged")
    (run,) = read_runs(folder)
    assert (run.command, run.cluster, run.state, run.exit_code) == ("up", "prod", "ended", 4)
    assert run.inventory == str(Path("prod.yaml").absolute())
    assert (run.pid, run.error) == (os.getpid(), "not converged")
    assert [(step.summary, step.status, step.note) for step in run.steps] == [
        ("join as worker", "done", "node abc"),
        ("set labels", "failed", "no"),
        ("set labels again", "under way", ""),
    ]


def test_only_the_operator_can_read_it(folder: Path) -> None:
    begun(folder)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_neither_tokens_nor_changed_values_are_written(folder: Path) -> None:
    journal = begun(folder)
    journal.watching(Silent()).ended("join:B", ok=False, note="bad token SWMTKN-1-abcdef-ghijkl")
    (path,) = folder.iterdir()
    assert "abcdef" not in path.read_text()
    assert "hunter" not in path.read_text()


def test_a_run_with_nothing_to_do_leaves_no_journal(folder: Path) -> None:
    journal = Journal(folder, "up", "prod", Path("prod.yaml"))
    journal.begin(Plan())
    journal.end(0)
    assert read_runs(folder) == []


def test_a_run_under_way_is_running_and_a_killed_one_unfinished(folder: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, 'tests/unit/journal'); from test_journal import *;"
        "j = begun(journal_folder()); j.watching(Silent()).started('join:B', 'B', 'join');"
        "print('begun', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        assert read_runs(folder)[0].state == "running"
        process.send_signal(signal.SIGKILL)
    (run,) = read_runs(folder)
    assert run.state == "unfinished"
    assert [step.status for step in run.steps] == ["under way", "not started"]


def test_a_line_that_was_cut_off_is_passed_over(folder: Path) -> None:
    begun(folder)
    (path,) = folder.iterdir()
    path.write_text(path.read_text() + '{"event": "ov')
    assert [step.key for step in read_runs(folder)[0].steps] == ["join:B", "node:B"]


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b'{"event": "plan", "steps": []}\n', b"\xff\xfe"])
def test_a_damaged_journal_is_listed_as_unreadable(content: bytes, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "20260101-000000-abcd.jsonl").write_bytes(content)
    assert [(run.run, run.state) for run in read_runs(folder)] == [("20260101-000000-abcd", "unreadable")]


def test_a_run_is_found_by_its_beginning_or_as_the_last(folder: Path) -> None:
    begun(folder).end(0)
    name = read_runs(folder)[0].run
    assert find_run(folder, name[:8]).run == find_run(folder, "last").run == name
    with pytest.raises(InputError, match="no run 'x'"):
        find_run(folder, "x")


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotConvergedError("x"), 4), (KeyboardInterrupt(), 130), (click.Abort(), 130), (SystemExit(4), 4),
     (ZeroDivisionError(), 1)],
)  # fmt: skip
def test_the_exit_code_is_noted_however_the_run_ends(error: BaseException, code: int, folder: Path) -> None:
    def run() -> None:
        with journaled("up", INVENTORY) as journal:
            journal.begin(PLAN)
            raise error

    with pytest.raises(type(error)):
        run()
    assert read_runs(folder)[0].exit_code == code


def test_a_folder_that_cannot_be_written_stops_the_run_before_its_first_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SwarmkitError, match="nothing was changed"):
        Journal(tmp_path / "file" / "runs", "up", "prod", Path("prod.yaml")).begin(PLAN)


def test_history_lists_runs_and_shows_one(folder: Path) -> None:
    begun(folder).end(0)
    name = read_runs(folder)[0].run

    def history(*arguments: str) -> str:
        command = [sys.executable, "-m", "swarmkit", "history", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert name in history()
    assert json.loads(history("--json"))["runs"][0]["exit_code"] == 0
    assert "join as worker" in history("show", "last")
    assert json.loads(history("show", name, "--json"))["steps"][0]["key"] == "join:B"


def test_a_run_of_another_machine_is_shown_as_the_managers_keep_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(folder).end(0)
    (tmp_path / "prod.yaml").write_text("managers: {hosts: {A: {ansible_host: 10.0.0.1}}}")
    kept = RunRecord("20260101-101112-abcd", "ended", "down", "prod", user="ann", host="laptop", exit_code=0)
    monkeypatch.setattr("swarmkit.workflows.history.cluster_history", lambda *_, **__: [kept])
    said = CliRunner().invoke(history, ["show", "20260101", "-i", str(tmp_path / "prod.yaml")])
    assert said.exit_code == 0, said.exception
    assert "20260101-101112-abcd: down of cluster prod" in said.output
    assert "swarmkit history show 20260101-101112-abcd, on laptop" in " ".join(said.output.split())


def test_a_run_that_is_nowhere_here_is_told_with_where_else_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWARMKIT_INVENTORY", raising=False)
    said = CliRunner().invoke(history, ["show", "20260101-101112-abcd"])
    assert isinstance(said.exception, InputError)
    assert "-i FILE" in said.exception.to_do


def test_two_runs_of_one_second_that_draw_one_name_get_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 65536 pairs did, and the second run was refused as if the disk were full."""
    drawn = iter(["00aa", "00aa", "00ab"])
    monkeypatch.setattr("swarmkit.journal.write.secrets.token_hex", lambda _: next(drawn))
    names = []
    for _ in range(2):
        name, file = _new_file(tmp_path, "20261130-120000")
        file.close()
        names.append(name)
    assert names == ["20261130-120000-00aa", "20261130-120000-00ab"]
