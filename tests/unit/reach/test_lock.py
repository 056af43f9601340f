import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.plan.declaration import Declared
from swarmkit.reach.engine import EngineError
from swarmkit.reach.heartbeat import living_holder
from swarmkit.reach.lock import LOCK_NAME, ClusterLock, Holder, LockedError, LockLostError
from swarmkit.reach.ssh import ConnectionLostError


@pytest.fixture
def swarm(fleet: FakeFleet, tmp_path: Any) -> FakeFleet:
    hosts = tuple(reached.host for reached in fleet.values())
    run_once(fleet, Declared(Inventory(tmp_path / "inventory.yaml", "prod", hosts)))
    return fleet


Make = Callable[..., ClusterLock]


@pytest.fixture
def lock(swarm: FakeFleet) -> Iterator[Make]:
    made: list[ClusterLock] = []

    def make(purpose: str = "up", **options: Any) -> ClusterLock:
        times = {"heartbeat_seconds": 0.03, "stale_seconds": 0.3, **options}
        made.append(ClusterLock((reached.engine for reached in swarm.values()), purpose, **times))
        return made[-1]

    yield make
    for one in made:
        one.release()


def elsewhere(lock: ClusterLock) -> ClusterLock:
    """Say that the lock's run is one of another machine, whose pid says nothing here."""
    lock.holder = replace(lock.holder, boot="another", host="elsewhere")
    return lock


def locks(fleet: FakeFleet) -> list[str]:
    return [item["Spec"]["Name"] for item in fleet.engine("A").find("configs") if item["Spec"]["Name"] == LOCK_NAME]


def test_a_free_cluster_is_taken_and_let_go(lock: Make, swarm: FakeFleet) -> None:
    mine = lock()
    assert mine.take() is False
    assert locks(swarm) == [LOCK_NAME]
    mine.release()
    assert locks(swarm) == []


def test_an_operator_without_a_clock_of_boot_time_takes_it_too(
    lock: Make, swarm: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")  # as on macOS
    assert lock().take() is False
    assert locks(swarm) == [LOCK_NAME]


def test_of_two_at_once_one_gets_it_and_the_other_is_told_who(lock: Make) -> None:
    first = elsewhere(lock("up by the first"))
    first.take()
    with pytest.raises(LockedError) as caught:
        lock().take()
    assert f"@elsewhere pid {os.getpid()} since" in caught.value.why
    assert "up by the first" in caught.value.why


def test_one_that_waited_in_vain_says_for_what_and_how_long(lock: Make) -> None:
    told: list[str] = []
    elsewhere(lock("up by the first")).take()
    with pytest.raises(LockedError) as caught:
        lock(wait_seconds=0.2, tell=told.append).take()
    assert "up by the first; waiting up to 0.2 s for its end" in told[0]
    assert caught.value.what == "waited 0 s for another run, which still holds the cluster; nothing was changed"
    assert "up by the first" in caught.value.why
    assert "--lock-wait" in caught.value.to_do


def test_one_that_does_not_wait_says_what_it_looks_for(lock: Make) -> None:
    told: list[str] = []
    elsewhere(lock()).take()
    with pytest.raises(LockedError, match="another run holds the cluster, nothing was changed"):
        lock(tell=told.append).take()
    assert told[0].endswith("looking for a heartbeat of it, which comes every 0.03 s")


def test_one_that_waits_gets_it_when_the_holder_ends_and_knows_that_its_plan_may_be_old(lock: Make) -> None:
    first = lock()
    first.take()
    threading.Timer(0.2, first.release).start()
    assert lock(wait_seconds=5).take() is True


def test_a_holder_without_a_heartbeat_is_taken_over_and_told(lock: Make) -> None:
    told: list[str] = []
    dead = elsewhere(lock(heartbeat_seconds=60))
    dead.take()
    lock(tell=told.append).take()
    assert "held by" in told[0]
    assert "taking over" in told[1]


def test_a_dead_process_of_this_machine_is_taken_over_at_once(lock: Make) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = lock(heartbeat_seconds=60)
    dead.holder = replace(dead.holder, pid=process.pid)
    dead.take()
    began = time.monotonic()
    lock(stale_seconds=60).take()
    assert time.monotonic() - began < 5


def test_a_process_of_another_container_on_this_machine_is_not_taken_for_dead() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    mine = Holder.of_this_process("up")
    machine, _, namespace = mine.boot.partition(" ")
    assert namespace.startswith("pid:[")
    gone = replace(mine, pid=process.pid)
    assert gone.is_known_dead()
    assert not replace(gone, boot=f"{machine} pid:[1]").is_known_dead()


def test_a_frozen_holder_stops_before_its_next_write(lock: Make) -> None:
    frozen = elsewhere(lock(heartbeat_seconds=60))
    frozen.take()
    lock("another").take()
    with pytest.raises(LockLostError) as caught:
        frozen.guard()
    assert "another" in caught.value.why


def test_a_holder_that_nobody_took_over_goes_on_after_a_pause(lock: Make) -> None:
    paused = lock(heartbeat_seconds=60)
    paused.take()
    time.sleep(0.4)
    paused.guard()
    assert paused.is_held


def test_a_beat_that_managers_cannot_take_during_an_election_is_tried_again_before_the_next_write(
    lock: Make, swarm: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = lock(heartbeat_seconds=60, stale_seconds=0.4)
    mine.take()
    engine, failures = swarm.engine("A"), [500, 503, 500]
    update = engine.update

    def electing(*arguments: Any) -> None:
        if failures:
            raise EngineError("A", "update config", failures.pop(), "rpc error: code = Unknown: raft proposal dropped")
        update(*arguments)

    monkeypatch.setattr(engine, "update", electing)
    monkeypatch.setattr(mine, "_every", 0.05)
    time.sleep(0.25)
    mine.guard()
    assert not failures
    failures += [500] * 1000
    time.sleep(0.25)
    with pytest.raises(EngineError, match="raft proposal dropped"):
        mine.guard()


def test_one_that_lost_the_lock_does_not_let_go_of_the_others(lock: Make, swarm: FakeFleet) -> None:
    frozen = elsewhere(lock(heartbeat_seconds=60))
    frozen.take()
    lock("another").take()
    frozen.release()
    assert locks(swarm) == [LOCK_NAME]


def test_an_answer_that_was_lost_is_read_back(lock: Make, swarm: FakeFleet) -> None:
    def lose(action: str, write: Callable[[], Any]) -> Any:
        swarm.intercept(lambda _, write: write())
        write()
        raise ConnectionLostError(action)

    swarm.intercept(lose)
    mine = lock()
    assert mine.take() is False
    assert mine.is_held


def test_letting_go_of_a_dissolved_swarm_is_quiet(lock: Make, swarm: FakeFleet) -> None:
    mine = lock()
    mine.take()
    for name in swarm:
        swarm.engine(name).leave_swarm(force=True)
    mine.release()
    assert not mine.is_held


def test_a_holder_says_who_where_and_since_when() -> None:
    holder = Holder("t", "ann", "laptop", "b", 7, "2026-01-01T00:00:00+00:00", "up")
    assert str(holder) == "ann@laptop pid 7 since 2026-01-01T00:00:00+00:00: up"
    assert Holder.in_labels(holder.labels(3)) == holder


def test_who_must_not_take_the_lock_sees_whether_its_holder_lives(lock: Make, swarm: FakeFleet) -> None:
    """A restored swarm has the lock of its own backup, of another machine: nobody gives that back."""
    engines = [reached.engine for reached in swarm.values()]
    assert living_holder(engines, stale_seconds=0.3) is None
    mine = elsewhere(lock())
    mine.take()
    assert living_holder(engines, stale_seconds=5.0) == mine.holder
    mine._stop.set()
    time.sleep(0.1)
    assert living_holder(engines, stale_seconds=0.3) is None


def test_the_lock_that_a_backup_left_in_its_own_state_is_taken_at_once_and_its_run_counts_as_ended(
    lock: Make, swarm: FakeFleet
) -> None:
    """Each restore waited 20 s for its backup's heartbeat, and told the history that the backup was unfinished."""
    of_backup = elsewhere(lock("backup"))
    of_backup.take()
    of_backup._stop.set()
    began = time.monotonic()
    mine = lock("restore", ended={of_backup.holder.token}, stale_seconds=30.0)
    assert mine.take() is False
    assert time.monotonic() - began < 5.0
    assert mine.taken_from is None
    assert locks(swarm) == [LOCK_NAME]
