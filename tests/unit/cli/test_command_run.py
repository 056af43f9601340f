"""What every command that changes something runs in: here the answer to its question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmkit.cli.command_run import command_run
from swarmkit.cli.main import run
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Outcome, Plan, Step
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import IncompleteError

INVENTORY = Inventory(Path("inventory.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))


class Written:
    step = Step("write", "swarm", "update", "A", "write")

    def run(self, _: object) -> str:
        raise AssertionError("nothing is applied here")


def asked(answer: bool, plan: Plan, monkeypatch: pytest.MonkeyPatch, state: Path) -> bool:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_, **__: answer)
    with command_run("up", Declared(INVENTORY), ask_become_pass=False) as run:
        return run.terms.confirm(plan)


def test_a_plan_that_is_not_agreed_to_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        asked(False, Plan((Written(),)), monkeypatch, tmp_path)
    assert ended.value.code == 1
    assert "not agreed to: this plan was not applied" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_cluster_s_name_that_was_not_typed_ends_the_command_with_1_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with (
        command_run("down", Declared(INVENTORY), consent=lambda: False, ask_become_pass=False) as run,
        pytest.raises(SystemExit) as ended,
    ):
        run.terms.confirm(Plan((Written(),)))
    assert ended.value.code == 1


def test_a_plan_that_is_agreed_to_or_empty_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert asked(True, Plan((Written(),)), monkeypatch, tmp_path)
    assert asked(False, Plan(()), monkeypatch, tmp_path)


def stopped(plan: Plan) -> None:
    with command_run("up", Declared(INVENTORY), yes=True, ask_become_pass=False) as run:
        run.terms.confirm(plan)
        raise KeyboardInterrupt


def test_a_run_that_is_stopped_in_the_middle_says_how_to_go_on_and_one_before_its_first_write_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for plan in (Plan(()), Plan((Written(),))):
        with pytest.raises(KeyboardInterrupt):
            stopped(plan)
        said = capsys.readouterr().err
        assert ("to do: run the same command again: it does what is left" in said) == bool(plan.writes)
        assert ("swarmkit history show 2" in said) == bool(plan.writes)


def test_a_rotation_that_is_stopped_in_the_middle_is_not_told_to_be_run_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be the next rotation: of the CA another root, of a secret other content."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    step = Written().step
    failed = Applied({"write": Outcome(step, "failed", 1.0, error=SwarmkitError("no answer"))})

    ending: list[BaseException] = []

    def cut(_: object, *given: Any, **__: object) -> None:
        terms: Terms = given[-1]
        terms.confirm(Plan((Written(),)))
        raise ending[-1]

    monkeypatch.setattr("swarmkit.workflows.credentials.change_credentials", cut)
    monkeypatch.setattr("swarmkit.workflows.secrets.rotate_secrets", cut)
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text("managers: {hosts: {A: {ansible_host: 10.88.0.11}}}\n")
    stack = tmp_path / "stack.yaml"
    stack.write_text("services: {web: {image: 'web:1'}}\nsecrets: {password: {file: ./password}, other: {file: ./o}}\n")
    for name in ("password", "o"):
        (tmp_path / name).write_text("secret")
        (tmp_path / name).chmod(0o600)
    for error in (KeyboardInterrupt(), IncompleteError(failed)):
        ending.append(error)
        for command, told in (
            (["rotate", "ca"], "the same command again is the next rotation"),
            (["rotate", "unlock-key", "--key-file", str(tmp_path / "key")], "keeps the key that is in force"),
            (["rotate", "tokens"], "it makes new tokens once more"),
            (["rotate", "secrets", "-f", str(stack), "--generate", "password"], "run it with password alone, without"),
            (["rotate", "secrets", "-f", str(stack)], "it does what is left"),
            (["autolock", "off"], "it does what is left"),
        ):
            assert run([*command, "-y", "-i", str(inventory)]) in (130, 1)
            said = " ".join(capsys.readouterr().err.split())
            assert told in said
            assert ("run the same command again: it does what is left" in said) == (told == "it does what is left")
