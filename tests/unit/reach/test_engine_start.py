"""An engine that a script of ours has stopped: whoever comes meanwhile waits for the script's end, and for no other."""

from __future__ import annotations

import fcntl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.plan.engines.unit import engine_script
from swarmkit.reach import engine_start, fleet, ssh_engine
from swarmkit.reach.engine import EngineError
from swarmkit.reach.engine_start import LOCKS, wait_until_seen, waited_for_its_start
from swarmkit.reach.ssh import CommandResult, ConnectionLostError


class Here:
    """Runs scripts on this machine, in the place of a connection."""

    def run(self, script: str, arguments: tuple[str, ...], *, timeout_seconds: float) -> CommandResult:
        command = ["sh", "-c", script, "sh", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds, check=False)
        return CommandResult(done.returncode, done.stdout, done.stderr)


class Gone:
    def run(self, *_: object, **__: object) -> CommandResult:
        raise SwarmkitError("A: cannot run commands")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    paths = (tmp_path / "backup.lock", tmp_path / "restore.lock")
    monkeypatch.setattr(engine_start, "LOCKS", tuple(map(str, paths)))
    return paths


def waited(connection: Any) -> bool:
    return waited_for_its_start(connection)


def test_a_script_that_has_stopped_the_engine_is_waited_for(locks: tuple[Path, Path]) -> None:
    with locks[1].open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ending = threading.Timer(0.5, lambda: fcntl.flock(held, fcntl.LOCK_UN))
        ending.start()
        assert waited(Here())
        assert ending.finished.is_set()


def test_without_such_a_script_nothing_is_waited_for(locks: tuple[Path, Path]) -> None:
    assert not waited(Here())
    locks[0].touch()
    assert not waited(Here())
    assert not waited(Gone())


def test_a_script_that_does_not_end_is_waited_for_no_longer_and_may_have_started_the_engine(
    locks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_start, "PATIENCE_SECONDS", 0)
    with locks[0].open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert waited(Here())


@pytest.mark.parametrize("is_stopped", [True, False])
def test_the_engine_is_asked_again_where_it_was_stopped_by_us_alone(
    monkeypatch: pytest.MonkeyPatch, *, is_stopped: bool
) -> None:
    asked, waited = [], list[object]()

    def engine(connection: object) -> object:
        asked.append(connection)
        if len(asked) == 1:
            raise ConnectionLostError("A: connection lost", "Remote end closed connection without response")
        return "engine"

    monkeypatch.setattr(ssh_engine, "SshEngine", engine)
    monkeypatch.setattr(fleet, "waited_for_its_start", lambda _: is_stopped)
    monkeypatch.setattr(fleet, "wait_until_seen", waited.append)
    connection: Any = object()
    if is_stopped:
        assert fleet._engine(connection) == "engine"
        assert asked == [connection] * 2
        assert waited == ["engine"]
    else:
        with pytest.raises(ConnectionLostError):
            fleet._engine(connection)


class Starting:
    """A manager's engine that its swarm sees again after a while."""

    def __init__(self, *states: tuple[str, str]) -> None:
        self.states = list(states)

    def info(self) -> dict[str, Any]:
        state = "pending" if self.states[0][0] == "pending" else "active"
        if state == "pending":
            self.states.pop(0)
        return {"Swarm": {"LocalNodeState": state, "ControlAvailable": True, "NodeID": "n"}}

    def inspect(self, *_: object) -> dict[str, Any]:
        state, reachability = self.states.pop(0)
        if state == "no leader":
            raise EngineError("A", "show node n", 500, "the swarm does not have a leader")
        return {"Status": {"State": state}, "ManagerStatus": {"Reachability": reachability}}


def test_a_manager_that_was_started_is_one_again_before_anything_is_planned() -> None:
    states = [
        ("pending", ""),
        ("no leader", ""),
        ("down", "unreachable"),
        ("ready", "unreachable"),
        ("ready", "reachable"),
    ]
    engine: Any = Starting(*states, ("ready", "more than was asked for"))
    wait_until_seen(engine)
    assert engine.states == [("ready", "more than was asked for")]


def test_one_that_stays_away_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_start, "SETTLE_SECONDS", 0)
    engine: Any = Starting(("no leader", ""), ("no leader", ""), ("no leader", ""))
    wait_until_seen(engine)
    assert engine.states


def test_the_locks_are_those_of_the_scripts_that_stop_an_engine() -> None:
    stopping = ("take-state.sh", "put-state.sh", "put-back.sh", "upgrade-engine.sh")
    found = {lock for name in stopping for lock in LOCKS if f"exec 9>{lock}\n" in engine_script(name)}
    assert found == set(LOCKS)
