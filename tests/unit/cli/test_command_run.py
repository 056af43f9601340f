"""What every command that changes something runs in: here the answer to its question."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.cli.command_run import command_run
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan, Step

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
