"""What a backup interrupts by stopping a manager's engine: measured, told, and named beforehand."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.backing_up import BEGAN, Operator, backed_up
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host
from swarmkit.plan.states import down_tasks
from swarmkit.recovery.interruptions import interruptions

STACK = """
services:
  web: {image: 'web:1', deploy: {replicas: REPLICAS}}
  store:
    image: 'store:1'
    volumes: ['data:/data']
    stop_grace_period: 20s
    deploy: {placement: {constraints: [node.labels.role == database]}}
volumes:
  data: {x-swarmkit: {backup: {dump: [dump], restore: [load]}}}
"""
Make = Callable[..., "Stopping"]


class Stopping(Operator):
    """On a swarm where the tasks of host A end with its engine, and others take their place when they are looked at."""

    back_seconds = 7.4
    """When they run, after the engine's stop began."""
    looks = 2
    """How often the manager takes those that have ended for running."""
    comes_back = True

    def stop(self) -> None:
        engine = self.fleet.engine("A")
        find, left = engine.find, self.looks

        def look(kind: Any, filters: Any = None) -> list[Any]:
            nonlocal left
            if kind == "tasks":
                left -= 1
                if left == 0:
                    self._end_tasks()
            return find(kind, filters)

        engine.find = look  # type: ignore[method-assign]

    def _end_tasks(self) -> None:
        cluster, node = self.fleet.cluster, self.fleet.engine("A").node_id
        before = set(cluster.tasks)
        for task in cluster.tasks.values():
            if task["NodeID"] == node:
                task["Status"]["State"], task["DesiredState"] = "failed", "shutdown"
        if self.comes_back:
            cluster.reschedule()
        else:
            cluster.reschedule = lambda: None  # type: ignore[method-assign]
        back = BEGAN + datetime.timedelta(seconds=self.back_seconds)
        for identity in set(cluster.tasks) - before:
            cluster.tasks[identity]["Status"]["Timestamp"] = f"{back:%Y-%m-%dT%H:%M:%S.%f}789Z"

    def told(self) -> list[str]:
        report = self.backup()
        assert report
        return interruptions(report.manifest)


@pytest.fixture
def on_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(down_tasks, "BACK_SECONDS", 0.6)

    def make(hosts: str = "A", replicas: int = 1, database: str = "A") -> Stopping:
        fleet: FakeFleet = fake_fleet(
            Host(
                name,
                f"10.88.0.{11 + n}",
                "worker" if n else "manager",
                labels={"role": "database" if name == database else ""},
            )
            for n, name in enumerate(hosts)
        )
        operator = Stopping(fleet, tmp_path, STACK.replace("REPLICAS", str(replicas)))
        _, applied = run_once(fleet, operator.declared)
        assert not applied.failed
        backed_up(fleet, monkeypatch, operator.stop)
        fleet.engine(database).volumes["s_data"] = {"Name": "s_data", "Driver": "local", "Mountpoint": "/v/_data"}
        return operator

    return make


def test_a_dumped_database_beside_the_engine_that_stops_is_told_as_interrupted_until_it_runs_again(
    on_hosts: Make,
) -> None:
    operator = on_hosts()
    assert operator.told() == [
        "the engine of A was stopped for 1.2 s",
        "s_store was interrupted for 7.4 s",
        "s_web was interrupted for 7.4 s",
    ]
    (plan,) = operator.shown
    reason = plan.operations[-1].step.reason
    assert "; these on it stop, within 20 s, and start again: s_store, s_web; no other manager" in reason


def test_a_service_with_tasks_elsewhere_is_told_by_those_that_were_down(on_hosts: Make) -> None:
    operator = on_hosts("AB", replicas=4)
    here = [
        task for task in operator.fleet.cluster.tasks.values() if task["NodeID"] == operator.fleet.engine("A").node_id
    ]
    assert operator.told()[2] == f"{len(here) - 1} of 4 tasks of s_web were down for 7.4 s"
    assert f"s_store, s_web ({len(here) - 1} tasks)" in operator.shown[0].operations[-1].step.reason


def test_tasks_that_do_not_come_back_are_told_as_down_for_at_least_as_long_as_they_were_waited_for(
    on_hosts: Make,
) -> None:
    operator = on_hosts()
    operator.comes_back = False
    store = operator.told()[1]
    assert store.startswith("s_store was interrupted for at least ")
    assert 1.8 <= float(store.split()[-2]) < 5


def test_a_clock_that_is_behind_makes_no_interruption_shorter_than_the_engines(on_hosts: Make) -> None:
    operator = on_hosts()
    operator.back_seconds = -3600.0
    assert operator.told()[1] == "s_store was interrupted for at least 1.2 s"


def test_a_database_on_another_host_goes_on_and_is_told_so(on_hosts: Make) -> None:
    operator = on_hosts("AB", replicas=2, database="B")
    engine, *services = operator.told()
    assert engine == "the engine of A was stopped for 1.2 s"
    assert services == ["s_store was interrupted for 0.0 s", "1 of 2 tasks of s_web was down for 7.4 s"]


def test_what_the_copy_and_the_engines_stop_took_is_told_in_one_sum(on_hosts: Make) -> None:
    report = on_hosts().backup()
    assert report
    (volume,) = report.manifest.volumes
    copied = volume.model_copy(update={"interruption_seconds": 10.0})
    manifest = report.manifest.model_copy(update={"volumes": (copied, copied)})
    assert interruptions(manifest)[1] == "s_store was interrupted for 27.4 s"
