"""Playbooks played: shown, skipped, stopped with the way to go on, and kept in the journal; loaded strictly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from swarmkit.cli.playbook_files import completed, document, find_playbook, playbook_names, read_playbook
from swarmkit.errors import InputError
from swarmkit.journal.read import read_runs

ROOT = Path(__file__).resolve().parents[3]


def silent_inventory(folder: Path) -> str:
    """Write an inventory with one host, A, for which nobody answers; return its path."""
    path = folder / "inventory.yaml"
    path.write_text(
        "managers:\n  hosts:\n    A:\n      ansible_host: 127.0.0.1\n      ansible_port: 1\n"
        f"      swarm_advertise_addr: 192.0.2.1\n      swarm_known_hosts: {folder}/known_hosts\n"
    )
    return str(path)


def play(
    folder: Path, playbook: str, *arguments: str, stdin: int = subprocess.DEVNULL
) -> subprocess.CompletedProcess[str]:
    """Play *playbook*, a text, on an inventory whose host nobody answers for."""
    (folder / "book.yaml").write_text(playbook)
    command = [sys.executable, "-m", "swarmkit", "play", f"{folder}/book.yaml", "-i", silent_inventory(folder)]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=120, stdin=stdin,
        cwd=ROOT, env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
    )  # fmt: skip


TWO = """
title: two lists
parameters: {first: a folder, second: a folder}
steps:
  - {name: one, run: 'backup ls ${first}'}
  - {name: two, run: 'backup ls ${second}', note: 'of ${second}'}
  - {name: three, note: done by a person}
"""


def test_a_play_that_stopped_tells_how_to_go_on_and_goes_on_there(tmp_path: Path) -> None:
    settings = ("--set", f"first={tmp_path}", "--set", f"second={tmp_path}/later")
    stopped = play(tmp_path, TWO, *settings)
    assert stopped.returncode == 2
    assert "[2/3] two" in stopped.stdout
    assert "stopped at step two (exit 2), 1 step done before" in stopped.stderr
    assert stopped.stderr.rstrip().endswith("--from two")
    assert f"--set=second={tmp_path}/later" in stopped.stderr
    (tmp_path / "later").mkdir()
    words = stopped.stderr.partition("    swarmkit play ")[2].split()
    again = play(tmp_path, TWO, *words[3:])
    assert again.returncode == 0, again.stderr
    assert "[1/3]" not in again.stdout
    assert "2 steps done, 0 skipped" in again.stdout
    runs = read_runs(tmp_path / "state" / "swarmkit" / "runs")
    assert sorted((run.exit_code, tuple((step.key, step.status) for step in run.steps)) for run in runs) == [
        (0, (("two", "done"), ("three", "done"))),
        (2, (("one", "done"), ("two", "failed"), ("three", "not started"))),
    ]


def test_a_step_is_skipped_when_its_condition_does_not_hold(tmp_path: Path) -> None:
    book = """
title: conditions
steps:
  - {name: silent, when: [not hosts-answer, not swarm-works], note: so it is}
  - {name: works, when: swarm-works, run: backup ls /nowhere}
  - {name: on-host, when: ['not node-ready(A)', 'host-answers(A)'], run: backup ls /nowhere}
"""
    done = play(tmp_path, book)
    assert done.returncode == 0, done.stderr
    assert "skipped: not so: swarm-works" in done.stdout
    assert "skipped: not so: host-answers(A)" in done.stdout
    assert "1 step done, 2 skipped" in done.stdout
    checked = play(tmp_path, book, "--check")
    assert "when swarm-works: not so now" in checked.stdout
    assert len(read_runs(tmp_path / "state" / "swarmkit" / "runs")) == 1


def test_what_does_not_become_so_ends_the_play_with_4(tmp_path: Path) -> None:
    done = play(tmp_path, "title: w\nsteps:\n  - {name: ready, wait_for: node-ready(A), timeout_seconds: 1}\n")
    assert done.returncode == 4
    assert "not so: node-ready(A)" in done.stderr


def test_a_question_without_anybody_to_ask_stops_the_play(tmp_path: Path) -> None:
    book = "title: q\nsteps:\n  - {name: sure, confirm: 'Is it off?'}\n"
    assert play(tmp_path, book).returncode == 2
    assert play(tmp_path, book, "--yes").returncode == 0
    assert play(tmp_path, book, "--step").returncode == 2


def test_everything_wrong_with_a_playbook_is_told_at_once(tmp_path: Path) -> None:
    book = """title: bad
parameters: {host: one, unused: two}
steps:
  - {name: up, run: up --prun}
  - {name: gone, run: upp}
  - {name: node, run: node drain}
  - {name: node, run: 'node drain ${hosst}'}
  - {name: when, when: quorum-lst, note: x}
  - {name: host, when: node-ready, note: x}
  - {name: both, run: up, wait_for: swarm-works}
  - {name: nothing}
  - {nam: nothing, note: x}
  - {name: played, play: no-such}
"""
    done = play(tmp_path, book, "--set", "host=A", "--set", "hots=B")
    assert done.returncode == 2
    places = {int(line.split(":")[1]) for line in done.stderr.splitlines() if "book.yaml:" in line}
    assert places == {1, *range(4, 14)}, done.stderr
    assert "No such option '--prun'" in done.stderr
    assert "did you mean 'quorum-lost'?" in done.stderr
    assert "the parameter unused is not given: two" in done.stderr
    assert "no parameter 'hots' - did you mean 'host'?" in done.stderr
    assert not (tmp_path / "state").exists()


def test_of_a_parameter_that_is_not_given_only_that_is_told() -> None:
    with pytest.raises(InputError) as caught:
        read_playbook(ROOT / "playbooks" / "replace-host.yaml", {})
    (complaint,) = caught.value.complaints
    assert "the parameter host is not given" in str(complaint)


def test_a_host_of_a_condition_must_be_in_the_inventory(tmp_path: Path) -> None:
    done = play(tmp_path, "title: h\nsteps:\n  - {name: a, when: node-ready(Z), note: x}\n")
    assert done.returncode == 2
    assert "no host Z in the inventory" in done.stderr


def test_a_played_playbook_brings_its_steps_and_not_itself(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text("title: i\nparameters: {x: y}\nsteps:\n  - {name: a, note: 'for ${x}'}\n")
    outer = f"title: o\nsteps:\n  - {{name: part, play: {tmp_path}/inner.yaml, with: {{x: R}}}}\n"
    (tmp_path / "outer.yaml").write_text(outer)
    (step,) = read_playbook(tmp_path / "outer.yaml", {}).steps
    assert (step.name, step.note) == ("part/a", "for R")
    (tmp_path / "loop.yaml").write_text(f"title: o\nsteps:\n  - {{name: part, play: {tmp_path}/loop.yaml}}\n")
    with pytest.raises(InputError, match="it plays itself"):
        read_playbook(tmp_path / "loop.yaml", {})


def test_a_parameter_is_one_word_repeated_for_each_value_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "book.yaml").write_text(
        "title: t\nparameters: {lost: {about: x, optional: true}}\n"
        "steps:\n  - {name: a, run: 'recover quorum --lost=${lost}'}\n"
    )

    def command(*lost: str) -> tuple[str, ...]:
        return read_playbook(tmp_path / "book.yaml", {"lost": lost}).steps[0].command

    assert command() == ("recover", "quorum")
    assert command("Q", "R; rm") == ("recover", "quorum", "--lost=Q", "--lost=R; rm")


def test_a_command_gets_the_options_of_the_play_that_it_has_and_was_not_given() -> None:
    given = {"inventory_file": ["i.yaml"], "stack_files": ["s.yaml", "t.yaml"], "yes": []}
    assert completed(("node", "ls"), given) == ["node", "ls", "-i", "i.yaml"]
    assert completed(("up",), given) == ["up", "-i", "i.yaml", "-f", "s.yaml", "-f", "t.yaml", "-y"]
    assert completed(("up", "-i", "other"), given) == ["up", "-i", "other", "-f", "s.yaml", "-f", "t.yaml", "-y"]


def test_the_runbooks_are_made_of_the_playbooks_as_they_are() -> None:
    assert (ROOT / "docs" / "runbooks.md").read_text() == document(), "run: make docs"
    assert json.dumps(playbook_names()) != "[]"
    assert all(find_playbook(name) for name in playbook_names())


def test_the_example_of_how_to_write_one_can_be_played(tmp_path: Path) -> None:
    page = (ROOT / "playbooks" / "README.md").read_text().partition("## Writing one")[2]
    lines = [line[4:] for line in page.splitlines() if line.startswith("    ")]
    (tmp_path / "book.yaml").write_text("\n".join(lines))
    playbook = read_playbook(tmp_path / "book.yaml", {"host": ["web2"]})
    assert [step.name for step in playbook.steps][:6] == ["empty", "reboot", "seen", "back", "prove", "next/trust"]
    assert playbook.steps[0].command == ("node", "drain", "web2")


def test_the_login_that_a_play_is_given_goes_to_the_commands_that_send_it(tmp_path: Path) -> None:
    given: dict[str, list[str]] = {"with_registry_auth": []}
    assert completed(("up", "--yes"), given) == ["up", "--yes", "--with-registry-auth"]
    assert completed(("up", "--with-registry-auth"), given) == ["up", "--with-registry-auth"]
    assert completed(("status",), given) == ["status"]
    stopped = play(tmp_path, "title: w\nsteps:\n  - {name: one, run: backup ls /nowhere}\n", "--with-registry-auth")
    assert stopped.stderr.rstrip().endswith("--with-registry-auth --from one")


def test_a_restore_that_was_cut_off_is_gone_on_with_though_its_manager_tells_of_the_swarm_by_then() -> None:
    steps = {
        step.name: step for step in read_playbook(find_playbook("restore-same-hosts"), {"archive": ["a.age"]}).steps
    }
    assert not steps["restore"].when


def test_a_lost_quorum_of_managers_that_lock_is_recovered_with_the_key_of_the_store() -> None:
    book = read_playbook(find_playbook("quorum-loss"), {"lost": ["B", "C"], "store": ["keys"], "identity": ["k.txt"]})
    commands = [step.command for step in book.steps if step.command]
    assert commands == [("recover", "quorum", "--lost=B", "--lost=C", "--store=keys", "--identity=k.txt")]
    book = read_playbook(find_playbook("quorum-loss"), {"lost": ["B"]})
    assert [step.command for step in book.steps if step.command] == [("recover", "quorum", "--lost=B")]
