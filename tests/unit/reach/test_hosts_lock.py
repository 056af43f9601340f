"""The lock that hosts keep which have no swarm: between two runs in memory, and its scripts on a real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.errors import SwarmkitError
from swarmkit.reach import hosts_lock
from swarmkit.reach.hosts_lock import HostsLock, holder_in
from swarmkit.reach.lock import Holder, LockedError, LockLostError
from swarmkit.reach.ssh import CommandResult, ConnectionLostError

Make = Callable[..., HostsLock]


def files(fleet: FakeFleet) -> list[str]:
    return [reached.shell.machine.held for reached in fleet.values() if isinstance(reached.shell, FakeShell)]


@pytest.fixture
def make(fleet: FakeFleet) -> Iterator[Make]:
    made: list[HostsLock] = []

    def lock(purpose: str = "recover quorum", *, of: str = "", boot: str = "another", **options: Any) -> HostsLock:
        holder = replace(Holder.of_this_process(purpose), host="elsewhere", boot=boot)
        shells = {name: reached.shell for name, reached in fleet.items() if not of or name in of}
        made.append(HostsLock(shells, holder, **{"heartbeat_seconds": 0.03, "stale_seconds": 0.3, **options}))
        return made[-1]

    yield lock
    for one in made:
        one.release()


def frozen(lock: HostsLock) -> HostsLock:
    """Let its heart stop, as its process stands still."""
    lock._stop.set()
    return lock


def test_hosts_are_held_with_who_and_why_and_let_go(make: Make, fleet: FakeFleet) -> None:
    lock = make("restore")
    assert lock.take() is False
    assert {str(holder_in(text)) for text in files(fleet)} == {str(lock.holder)}
    assert str(lock.holder).endswith(": restore")
    lock.release()
    assert set(files(fleet)) == {""}


def test_of_two_recoveries_at_once_one_goes_on_and_the_other_is_told_who(make: Make, fleet: FakeFleet) -> None:
    mine = make()
    mine.take()
    with pytest.raises(LockedError, match="elsewhere pid"):
        make().take()
    mine.guard()
    assert {holder_in(text).token for text in files(fleet)} == {mine.holder.token}


def test_two_that_reach_one_host_in_common_meet_there(make: Make) -> None:
    make(of="AB").take()
    with pytest.raises(LockedError):
        make(of="BC").take()


def test_one_that_waited_for_another_is_told_that_its_plan_may_be_old(make: Make) -> None:
    mine = make()
    mine.take()
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        mine.release()

    assert make(wait_seconds=5, tell=tell).take() is True
    assert len(told) == 1


def test_a_holder_without_a_heartbeat_is_taken_over_told_once_and_stops_before_its_next_write(make: Make) -> None:
    dead, told = frozen(make()), list[str]()
    dead.take()
    before = time.monotonic()
    lock = make(tell=told.append)
    assert lock.take() is False
    assert time.monotonic() - before < 0.6, "each host waited for the heartbeat anew"
    assert told[1:] == [f"taking over from {dead.holder}, which is dead"]
    dead._sure_at = 0.0
    with pytest.raises(LockLostError, match="taken the hosts over"):
        dead.guard()
    lock.guard()


def test_one_that_stood_still_while_another_had_the_hosts_and_gave_them_back_stops_too(make: Make) -> None:
    """It found the files free, took them again, and would have forced a second cluster by its old plan."""
    still = frozen(make())
    still.take()
    other = make()
    other.take()
    other.release()
    still._sure_at = 0.0
    with pytest.raises(LockLostError) as lost:
        still.guard()
    assert "a run that has ended, or the host was booted" in lost.value.why


def test_what_was_held_before_a_host_refused_is_given_back(
    make: Make, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet["C"].shell, "run", lambda *_, **__: CommandResult(1, "", "Read-only file system"))
    lock = make()
    with pytest.raises(SwarmkitError, match="cannot be held"):
        lock.take()
    lock.release()
    assert files(fleet)[:2] == ["", ""]


def test_one_that_stood_still_and_goes_on_before_it_is_taken_over_keeps_its_hosts(make: Make) -> None:
    still = frozen(make())
    still.take()

    def tell(text: str) -> None:
        if "which is dead" in text:
            still._renew()

    with pytest.raises(LockedError):
        make(tell=tell).take()
    still.guard()


def test_a_killed_run_of_this_machine_is_taken_over_at_once(make: Make) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = frozen(make(boot=Holder.of_this_process("up").boot))
    dead.holder = replace(dead.holder, pid=process.pid)
    dead.take()
    before = time.monotonic()
    make(stale_seconds=60).take()
    assert time.monotonic() - before < 1


def test_a_file_that_no_run_has_written_is_taken_over(make: Make, fleet: FakeFleet) -> None:
    shell = fleet["A"].shell
    assert isinstance(shell, FakeShell)
    shell.machine.held = "what is this"
    lock = make()
    lock.take()
    assert holder_in(shell.machine.held).token == lock.holder.token


def test_a_host_that_fell_silent_stops_no_writer_and_one_that_cannot_be_written_does(
    make: Make, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> CommandResult:
        raise ConnectionLostError("B: the SSH connection is gone")

    for name in "BA":
        with monkeypatch.context() as patched:
            patched.setattr(fleet[name].shell, "run", silent)
            lock = make()
            lock.take()
            lock.release()
    monkeypatch.setattr(fleet["B"].shell, "run", lambda *_, **__: CommandResult(1, "", "Read-only file system"))
    with pytest.raises(Exception, match="Read-only"):
        make(of="BC").take()


def test_a_login_that_may_use_docker_alone_holds_no_host_and_goes_on_told_once(
    make: Make, fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first up was refused: the README lets it make a swarm."""
    for reached in fleet.values():
        monkeypatch.setattr(reached.shell, "run", lambda *_, **__: CommandResult(0, f"{hosts_lock.NOT_HELD}\n", ""))
    told: list[str] = []
    lock = make(tell=told.append)
    assert lock.take() is False
    lock.guard()
    lock.guard()
    assert lock.is_held
    assert told == ["A, B, C cannot be held without root and flock: let no other run begin"]


@pytest.fixture
def on_host(tmp_path: Path) -> Callable[..., str]:
    def run(script: str, *arguments: str, path: str = os.environ["PATH"]) -> str:
        script = script.replace("/run", str(tmp_path))
        command = [shutil.which("sh") or "sh", "-c", script, "sh", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": path}).stdout

    return run


def test_the_scripts_hold_what_is_free_or_seen_and_let_go_what_is_theirs(
    on_host: Callable[..., str], tmp_path: Path
) -> None:
    hold, drop = hosts_lock.HOLD, hosts_lock._DROP
    assert on_host(hold, "a", "a {1}", "") == "a {1}"
    assert on_host(hold, "a", "a {2}", "") == "a {2}"
    assert on_host(hold, "b", "b {1}", "a {1}") == "a {2}"
    on_host(drop, "b")
    assert on_host(hold, "b", "b {1}", "a {2}") == "b {1}"
    assert on_host(hold, "b", "b {2}", "", "renew") == "b {2}"
    assert on_host(hold, "a", "a {3}", "", "renew") == "b {2}"
    on_host(drop, "b")
    assert on_host(hold, "b", "b {3}", "", "renew") == ""
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_locked_nothing_is_written(on_host: Callable[..., str], tmp_path: Path) -> None:
    assert on_host(hosts_lock.HOLD, "a", "a {1}", "", path=str(tmp_path)).strip() == hosts_lock.NOT_HELD
    assert list(tmp_path.iterdir()) == []
