"""An engine that a script of ours has stopped: whoever comes meanwhile waits for the script's end, and for no other."""

from __future__ import annotations

import ast
import fcntl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.plan.engines.unit import engine_script
from swarmkit.reach import engine_start, fleet, ssh_engine
from swarmkit.reach.engine import EngineError
from swarmkit.reach.engine_missing import no_engine
from swarmkit.reach.engine_start import LOCKS, wait_until_seen, waited_for_its_start
from swarmkit.reach.fleet import NoneReachedError, reach_some
from swarmkit.reach.ssh import CommandResult, Connection, ConnectionLostError, UnansweredError

STOPPED, WAITING = "its engine was stopped by a swarmkit", "waiting until that starts it again"


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


def waited(connection: Any) -> list[str] | None:
    """Return what is told of the wait; None where there was none."""
    told: list[str] = []
    if waited_for_its_start(connection, told.append):
        return told
    assert not told
    return None


def test_a_script_that_has_stopped_the_engine_is_waited_for(locks: tuple[Path, Path]) -> None:
    with locks[1].open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ending = threading.Timer(0.5, lambda: fcntl.flock(held, fcntl.LOCK_UN))
        ending.start()
        told = waited(Here())
        assert ending.finished.is_set()
        assert told == [f"{STOPPED} restore: {WAITING}, 120 s at most"]


def test_that_it_waits_is_told_before_it_waits(locks: tuple[Path, Path]) -> None:
    """Who waited saw a silent command for minutes."""
    with locks[0].open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        connection, began = cast("Any", Here()), time.monotonic()
        assert waited_for_its_start(connection, lambda _: fcntl.flock(held, fcntl.LOCK_UN))
        assert time.monotonic() - began < engine_start.PATIENCE_SECONDS / 2


def test_scripts_that_do_not_end_are_waited_for_no_longer_than_one(
    locks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each had its own time, and the two together were longer than the connection waits."""
    monkeypatch.setattr(engine_start, "PATIENCE_SECONDS", 2)
    began = time.monotonic()
    with locks[0].open("w") as first, locks[1].open("w") as second:
        for held in (first, second):
            fcntl.flock(held, fcntl.LOCK_EX)
        assert waited(Here()) == [f"{STOPPED} backup and a swarmkit restore: {WAITING}, 2 s at most"]
    assert 1 <= time.monotonic() - began < 3.5


def test_without_such_a_script_nothing_is_waited_for(locks: tuple[Path, Path]) -> None:
    assert waited(Here()) is None
    locks[0].touch()
    assert waited(Here()) is None
    assert waited(Gone()) is None


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
    asked, waited, told = [], list[object](), list[str]()

    def engine(connection: object) -> object:
        asked.append(connection)
        if len(asked) == 1:
            raise ConnectionLostError("A: connection lost", "Remote end closed connection without response")
        return "engine"

    monkeypatch.setattr(ssh_engine, "SshEngine", engine)
    monkeypatch.setattr(fleet, "waited_for_its_start", lambda _, tell: is_stopped and tell("waiting") is None)
    monkeypatch.setattr(fleet, "wait_until_seen", lambda engine, _: waited.append(engine))
    connection: Any = object()
    if is_stopped:
        assert fleet._engine(connection, told.append) == "engine"
        assert asked == [connection] * 2
        assert (waited, told) == (["engine"], ["waiting"])
    else:
        with pytest.raises(ConnectionLostError):
            fleet._engine(connection, told.append)


def test_who_waits_is_told_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(_: object, tell: Callable[[str], object]) -> Any:
        tell("waiting")
        raise EngineError("A", "ping", 500, "no")

    told: list[str] = []
    monkeypatch.setattr(fleet, "read_ssh_settings", lambda _: {})
    monkeypatch.setattr(fleet, "hops_to", lambda *_: ())
    monkeypatch.setattr(fleet, "connect", lambda *_, **__: Said())
    monkeypatch.setattr(fleet, "_engine", engine)
    inventory = Inventory(Path("i.yaml"), "c", (Host("A", "192.0.2.1", "manager"),))
    with pytest.raises(NoneReachedError), reach_some(inventory, on_waiting=told.append):
        pass
    assert told == ["A: waiting"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnansweredError("A: the engine did not tell its version in 30 s"), "takes connections and answers none"),
        (ConnectionLostError("A: connection lost"), "no Docker engine answers"),
    ],
)
def test_an_engine_that_stands_still_is_told_apart_from_one_that_is_not_reached(
    monkeypatch: pytest.MonkeyPatch, error: ConnectionLostError, told: str
) -> None:
    """It was told to be installed, and a lost connection may say nothing of why either."""

    def engine(*_: object) -> Any:
        raise error

    monkeypatch.setattr(fleet, "read_ssh_settings", lambda _: {})
    monkeypatch.setattr(fleet, "hops_to", lambda *_: ())
    monkeypatch.setattr(fleet, "connect", lambda *_, **__: Said())
    monkeypatch.setattr(fleet, "_engine", engine)
    inventory = Inventory(Path("i.yaml"), "c", (Host("A", "192.0.2.1", "manager"),))
    with pytest.raises(NoneReachedError) as caught, reach_some(inventory, on_waiting=str):
        pass
    assert told in str(caught.value)
    assert ("install" in str(caught.value)) == (told == "no Docker engine answers")


@pytest.mark.parametrize(
    ("seen", "why", "to_do"),
    [
        ("missing\n", "Docker is not there", "install and start it on A (apt install docker.io)"),
        ("inactive\n", "it is installed, and its service is inactive", "on A: systemctl start docker; if it does not"),
        ("allowed\nfailed\n", "its service is failed", "on A: systemctl reset-failed docker; systemctl start docker;"),
        ("active\n", "closed", "see that the user may use it (the group docker), or set ansible_become: true"),
        ("allowed\nactive\n", "closed", "on A: systemctl status docker; journalctl -u docker -n 50"),
        ("", "closed", "install and start Docker on A, and see that the user may use it"),
    ],
)
def test_what_is_seen_on_the_host_says_why_no_engine_answers(seen: str, why: str, to_do: str) -> None:
    """One that was stopped was told to be installed, by a package that may replace it."""
    error = no_engine("A", cast("Connection", Said(seen)), EngineError("A", "ping", 0, "closed"))
    assert why in error.why
    assert to_do in error.to_do


class Said:
    """A connection whose host says one thing, whatever it is asked."""

    def __init__(self, stdout: str = "") -> None:
        self.stdout = stdout

    def run(self, _script: str, *, timeout_seconds: float) -> CommandResult:
        assert timeout_seconds
        return CommandResult(0, self.stdout, "")

    def close(self) -> None:
        """Nothing is open."""


def test_every_command_that_connects_tells_whom_it_waits_for() -> None:
    """A command that hands in nobody to tell is a silent one for minutes."""
    modules = list((Path(fleet.__file__).parents[1] / "workflows").glob("*.py"))
    calls = [
        (module.name, call)
        for module in modules
        for call in ast.walk(ast.parse(module.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("reach", "reach_some", "reach_needed")
    ]
    assert len(calls) > 20
    silent = [name for name, call in calls if "on_waiting" not in {keyword.arg for keyword in call.keywords}]
    assert silent == []


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
    told: list[str] = []
    wait_until_seen(engine, told.append)
    assert told == ["its engine answers: waiting until its swarm sees it again, 60 s at most"]
    assert engine.states == [("ready", "more than was asked for")]


def test_one_that_stays_away_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_start, "SETTLE_SECONDS", 0)
    engine: Any = Starting(("no leader", ""), ("no leader", ""), ("no leader", ""))
    wait_until_seen(engine, lambda _: None)
    assert engine.states


def test_the_locks_are_those_of_the_scripts_that_stop_an_engine() -> None:
    stopping = ("take-state.sh", "put-state.sh", "put-back.sh", "upgrade-engine.sh")
    found = {lock for name in stopping for lock in LOCKS if f"exec 9>{lock}\n" in engine_script(name)}
    assert found == set(LOCKS)
