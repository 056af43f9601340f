"""What a person answers: a play's steps and questions on a terminal, and the unlock key that a pipe brings."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from unit.cli.test_play import play, silent_inventory

from swarmkit.cli.credentials import read_unlock_key
from swarmkit.errors import InputError
from swarmkit.journal.read import read_runs

ROOT = Path(__file__).resolve().parents[3]
FOUR = """
title: four lists
parameters: {folder: of backups}
steps:
  - {name: one, run: 'backup ls ${folder}/one'}
  - {name: two, run: 'backup ls ${folder}/two'}
  - {name: three, run: 'backup ls ${folder}/three'}
  - {name: four, run: 'backup ls ${folder}/four'}
"""
SURE = """
title: a question
parameters: {folder: of backups}
steps:
  - {name: sure, confirm: Is it off?, run: 'backup ls ${folder}/one'}
  - {name: after, run: 'backup ls ${folder}/two'}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for each step with a backup that names it: what a step listed tells that it ran."""
    for name in ("one", "two", "three", "four"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}-20260101T000000Z.swarmkit.age").touch()
    return tmp_path


def ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the steps whose command printed its list."""
    return [name for name in ("one", "two", "three", "four") if f"/{name}-20260101T000000Z" in done.stdout]


def answered(folder: Path, book: str, answers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Play *book* on a terminal where *answers* are typed, a line each."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers.encode())
        return play(folder, book, f"--set=folder={folder}", *arguments, stdin=theirs)
    finally:
        os.close(theirs)
        os.close(ours)


def journal(folder: Path) -> tuple[int | None, list[tuple[str, str, str]]]:
    (run,) = read_runs(folder / "state" / "swarmkit" / "runs")
    return run.exit_code, [(step.key, step.status, step.note) for step in run.steps]


def test_each_step_is_run_skipped_or_stopped_at_as_it_is_answered(folder: Path) -> None:
    done = answered(folder, FOUR, "run\nskip\nperhaps\nrun\nstop\n", "--step")
    assert done.returncode == 1, done.stderr
    assert ran(done) == ["one", "three"]
    assert done.stdout.count("skipped: as you said") == 1
    assert "'perhaps' is not one of" in done.stderr
    assert "stopped at step four (exit 1), 2 steps done before" in done.stderr
    assert journal(folder) == (
        1,
        [("one", "done", ""), ("two", "done", "skipped: as you said"), ("three", "done", ""), ("four", "failed", "")],
    )


def test_a_stepwise_play_that_was_stopped_goes_on_stepwise(folder: Path) -> None:
    stopped = answered(folder, FOUR, "run\nstop\n", "--step")
    words = stopped.stderr.partition("    swarmkit play ")[2].split()
    assert words[3:] == [f"--set=folder={folder}", "--step", "--from", "two"], stopped.stderr
    again = answered(folder, FOUR, "run\nskip\nrun\n", *words[4:])
    assert (again.returncode, ran(again)) == (0, ["two", "four"]), again.stderr
    assert "2 steps done, 1 skipped" in again.stdout


def test_an_end_of_input_stops_a_stepwise_play_as_ctrl_c_does(folder: Path) -> None:
    stopped = answered(folder, FOUR, "run\n\x04", "--step")
    assert (stopped.returncode, ran(stopped)) == (130, ["one"])
    assert "stopped at step two (exit 130), 1 step done before" in stopped.stderr


@pytest.mark.parametrize("answer", ["n", ""])
def test_a_question_that_is_not_agreed_to_stops_the_play_before_its_step(folder: Path, answer: str) -> None:
    declined = answered(folder, SURE, f"{answer}\n")
    assert (declined.returncode, ran(declined)) == (1, []), declined.stderr
    assert "Is it off? [y/N]" in declined.stderr
    assert "stopped at step sure (exit 1), 0 steps done before" in declined.stderr
    assert declined.stderr.rstrip().endswith("--from sure")
    assert journal(folder) == (1, [("sure", "failed", ""), ("after", "not started", "")])


def test_a_question_that_is_agreed_to_lets_the_play_go_on(folder: Path) -> None:
    agreed = answered(folder, SURE, "y\n")
    assert (agreed.returncode, ran(agreed)) == (0, ["one", "two"]), agreed.stderr


KEY = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0+/v"


def unlock(folder: Path, given: bytes) -> tuple[int, str]:
    """Run `unlock` with *given* on stdin; return its exit code and all it said."""
    command = [sys.executable, "-m", "swarmkit", "unlock", "-i", silent_inventory(folder)]
    # Text is decoded as under most people's locale, where what is no UTF-8 cannot be.
    environment = {"XDG_STATE_HOME": str(folder / "state"), "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(
        command, input=given, capture_output=True, check=False, timeout=60, cwd=ROOT, env={**os.environ, **environment}
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def piped(monkeypatch: pytest.MonkeyPatch, given: bytes) -> None:
    """Let stdin be a pipe that brings *given*, text of it decoded as under most people's locale."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), "utf-8", "strict"))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="nothing"),
        pytest.param("\n", id="an empty line"),
        pytest.param(f"\nSWMKEY-1-{KEY}\n", id="an empty line first"),
        pytest.param(f"{KEY}\n", id="no prefix"),
        pytest.param(f"SWMTKN-1-{KEY}\n", id="a join token's prefix"),
        pytest.param("SWMKEY-1-\n", id="the prefix alone"),
        pytest.param(f"SWMKEY-1-{KEY[:20]}\n{KEY[20:]}\n", id="broken over two lines"),
        pytest.param(f"SWMKEY-1-{KEY} {KEY}\n", id="two words"),
        pytest.param(f"SWMKEY-1-{KEY * 9}\n", id="far too long"),
        pytest.param(f"age-encryption.org/v1\n{KEY}\xff", id="a file of the store"),
        pytest.param(f"\xff\xfe{KEY}", id="no text"),
    ],
)
def test_what_is_no_unlock_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    piped(monkeypatch, given.encode("latin-1"))
    what = "what stdin has is not an unlock key" if given.split("\n")[0] else "no unlock key on stdin"
    with pytest.raises(InputError, match=what) as refused:
        read_unlock_key()
    assert refused.value.to_do == "end the command with: < KEYFILE"
    assert KEY[:20] not in str(refused.value)


@pytest.mark.parametrize("around", ["{}", "{}\n", "  {}\r\n"])
def test_an_unlock_key_is_taken_with_or_without_its_line_end(monkeypatch: pytest.MonkeyPatch, around: str) -> None:
    key = f"SWMKEY-1-{KEY}"
    piped(monkeypatch, around.format(key).encode())
    assert read_unlock_key().reveal() == key.encode()


def test_without_an_unlock_key_no_host_is_asked(tmp_path: Path) -> None:
    code, said = unlock(tmp_path, f"\xff\xfe{KEY}".encode("latin-1"))
    assert code == 2, said
    assert said.startswith("error: what stdin has is not an unlock key")
    assert "to do: end the command with: < KEYFILE" in said
    assert KEY[:20] not in said
    assert "connect" not in said


def test_an_unlock_key_is_taken_to_the_hosts(tmp_path: Path) -> None:
    code, said = unlock(tmp_path, f"SWMKEY-1-{KEY}\n".encode())
    assert code == 3, said
    assert "A: cannot reach" in said
    assert KEY[:20] not in said
