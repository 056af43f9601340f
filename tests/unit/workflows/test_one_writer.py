import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import NotConvergedError
from swarmkit.journal.read import read_runs
from swarmkit.journal.record import RunRecord
from swarmkit.journal.write import Journal
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines.gossip import AGENT, LET_GO
from swarmkit.plan.engines.plans import UPGRADE
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.joins import INIT
from swarmkit.plan.progress import Silent
from swarmkit.plan.states.stopped_manager import TAKE_STATE
from swarmkit.reach.any_manager import AnyManager
from swarmkit.reach.cluster_history import KEPT_RUNS, keep_runs, kept_runs
from swarmkit.reach.lock import LOCK_NAME, ClusterLock
from swarmkit.workflows.one_writer import give_back_for_the_dead, one_writer


@pytest.fixture
def declared(fleet: FakeFleet) -> Declared:
    return Declared(Inventory(Path("inventory.yaml"), "prod", tuple(reached.host for reached in fleet.values())))


def held(fleet: FakeFleet) -> bool:
    return LOCK_NAME in {item["Spec"]["Name"] for item in fleet.engine("A").find("configs")}


def step(key: str, subject: str = "node") -> Step:
    return Step(key, subject, "create", "A", "act")  # type: ignore[arg-type]


def test_a_cluster_is_held_for_the_block_alone(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0) as writer:
        assert held(fleet)
        assert not writer.met_another
    assert not held(fleet)


@pytest.mark.parametrize("key", [TAKE_STATE, f"{UPGRADE}A", f"{AGENT}A"])
def test_the_manager_whose_engine_stops_is_not_the_one_that_keeps_the_heartbeat(
    fleet: FakeFleet, declared: Declared, key: str
) -> None:
    run_once(fleet, declared)
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "backup", 0) as writer:
        assert writer.lock.managers.ask(lambda engine: engine.host) == "A"
        writer.guard(step(key))
        assert writer.lock.managers.ask(lambda engine: engine.host) != "A"


def test_the_lock_of_a_dead_run_goes_even_when_there_is_nothing_left_to_do(
    fleet: FakeFleet, declared: Declared
) -> None:
    run_once(fleet, declared)
    for dead in (False, True):
        left = ClusterLock((reached.engine for reached in fleet.values()), "up")
        if dead:
            with subprocess.Popen(["true"]) as ended:
                left.holder = replace(left.holder, pid=ended.pid)
        left.take()
        try:
            give_back_for_the_dead(fleet, observe(fleet, kernel="never"), Silent(), "up")
            assert held(fleet) is not dead
        finally:
            left.release()
    (run,) = history(fleet)
    assert run.error.startswith("ended without a word")


def test_a_cluster_that_is_made_is_held_from_the_first_write_after(fleet: FakeFleet, declared: Declared) -> None:
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0) as writer:
        writer.guard(step(INIT, "swarm"))
        writer.guard(step("image:A:x", "image"))
        writer.guard(step(f"{LET_GO}B"))
        run_once(fleet, declared)
        assert not held(fleet)
        writer.guard(step("join:B"))
        assert held(fleet)
    assert not held(fleet)


def history(fleet: FakeFleet) -> list[RunRecord]:
    return kept_runs(AnyManager(reached.engine for reached in fleet.values()))


def test_a_run_has_one_name_in_its_journal_and_with_the_managers(
    fleet: FakeFleet, declared: Declared, tmp_path: Path
) -> None:
    run_once(fleet, declared)
    journal = Journal(tmp_path, "up", "prod", Path("inventory.yaml"))
    journal.begin_steps([step("node:B")])
    with one_writer(fleet, observe(fleet, kernel="never"), journal.watching(Silent()), "up", 0) as writer:
        writer.guard(step("node:B"))
    assert [run.run for run in history(fleet)] == [run.run for run in read_runs(tmp_path)]


def fail_after_a_write(fleet: FakeFleet) -> None:
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0) as writer:
        writer.guard(step("node:B"))
        raise NotConvergedError("shop_backend: SWMTKN-1-abc-def does not come up", "a second line")


def test_what_a_run_did_and_how_it_ended_is_kept_by_the_managers(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "node drain B", 0) as writer:
        writer.guard(step("node:B"))
    with pytest.raises(NotConvergedError):
        fail_after_a_write(fleet)
    failed, done = sorted(history(fleet), key=lambda run: run.command, reverse=True)
    assert (done.command, done.state, done.exit_code, done.error) == ("node drain B", "ended", 0, "")
    assert (failed.command, failed.exit_code) == ("up", 4)
    assert failed.error == "shop_backend: [redacted] does not come up"
    assert done.user
    assert done.began


def test_a_run_that_wrote_nothing_is_not_kept(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0):
        pass
    assert history(fleet) == []


def take_over_from_a_dead_run(fleet: FakeFleet, since: str) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = ClusterLock((reached.engine for reached in fleet.values()), "up", heartbeat_seconds=60)
    dead.holder = replace(dead.holder, pid=process.pid, user="ann", since=since)
    dead.take()
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0):
        pass


@pytest.mark.parametrize("since", ["2026-11-24T10:11:12+00:00", "then"])
def test_a_dead_run_that_is_taken_over_is_kept_as_unfinished(fleet: FakeFleet, declared: Declared, since: str) -> None:
    run_once(fleet, declared)
    take_over_from_a_dead_run(fleet, since)
    (kept,) = history(fleet)
    assert (kept.user, kept.state, kept.exit_code) == ("ann", "unfinished", None)
    assert "went on" in kept.error


def test_a_dead_run_of_unknown_time_stands_before_no_later_one(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    take_over_from_a_dead_run(fleet, "then")
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "node drain B", 0) as writer:
        writer.guard(step("node:B"))
    assert [run.command for run in history(fleet)] == ["node drain B", "up"]


def test_the_managers_keep_the_last_runs_alone(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    managers = AnyManager(reached.engine for reached in fleet.values())
    for number in range(KEPT_RUNS + 5):
        keep_runs(managers, [RunRecord(f"20260101-{number:06}-aaaa", "ended")])
    assert [run.run[9:15] for run in kept_runs(managers)] == [f"{n:06}" for n in range(KEPT_RUNS + 4, 4, -1)]
