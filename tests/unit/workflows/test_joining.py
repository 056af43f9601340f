"""What passes by itself is waited for: a join whose run was killed, an election after managers lost their power."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes import leader
from swarmkit.plan.progress import Silent
from swarmkit.reach.engine import EngineError
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.ssh import ConnectionGoneError
from swarmkit.workflows import joining
from swarmkit.workflows.joining import settled


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warned(self, key: str, text: str) -> None:
        self.warnings.append(f"{key}: {text}")


@pytest.fixture
def declared(fleet: FakeFleet, tmp_path: Path) -> Declared:
    declared = Declared(Inventory(tmp_path / "i.yaml", "prod", tuple(reached.host for reached in fleet.values())))
    run_once(fleet, declared)
    return declared


def join_slowly(fleet: FakeFleet, host: str, *, looks: int) -> None:
    """Make *host*'s engine say for as many *looks* that it is on its way into its swarm, or back after its start."""
    engine: Any = fleet.engine(host)
    joined, left = engine.info, [looks]

    def info() -> dict[str, Any]:
        told: dict[str, Any] = joined()
        if left[0]:
            left[0] -= 1
            told["Swarm"] = {**told["Swarm"], "LocalNodeState": "pending", "ControlAvailable": False}
        return told

    engine.info = info


def seen(fleet: FakeFleet, declared: Declared, progress: Told) -> Plan:
    def look(those: Fleet) -> tuple[Plan, Observed]:
        assert those is fleet
        return plan_on(fleet, declared), observe(fleet, kernel="never")

    return settled(fleet, look, progress)[0]


def test_a_join_that_is_under_way_is_waited_for_and_told(fleet: FakeFleet, declared: Declared) -> None:
    join_slowly(fleet, "C", looks=4)
    progress = Told()
    assert seen(fleet, declared, progress).is_empty
    assert progress.warnings == ["observe: C: a join is under way there; waiting until it ends, 30 s at most"]


def test_a_join_that_does_not_end_is_refused_at_the_deadline(
    fleet: FakeFleet, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "JOIN_SECONDS", 0.3)
    join_slowly(fleet, "C", looks=10_000)
    assert [refusal.where for refusal in seen(fleet, declared, Told()).refusals] == ["C"]


def lose_leader(fleet: FakeFleet, host: str, *, looks: int) -> None:
    """Make a manager that runs say for as many *looks* that its swarm has no leader."""
    engine: Any = fleet.engine(host)
    led, swarm, left = engine.info, engine.swarm, [looks]

    def info() -> dict[str, Any]:
        told: dict[str, Any] = led()
        left[0] -= 1
        if left[0] >= 0:
            told["Swarm"] = {**told["Swarm"], "Cluster": {"ID": ""}, "Error": "The swarm does not have a leader."}
        return told

    def tell() -> dict[str, Any]:
        if left[0] >= 0:
            raise EngineError(host, "describe the swarm", 503, "The swarm does not have a leader.")
        described: dict[str, Any] = swarm()
        return described

    engine.info, engine.swarm = info, tell


def know_managers(fleet: FakeFleet, host: str, *more: str) -> None:
    """Make *host* say that its swarm's managers are itself and *more*, by node id."""
    engine: Any = fleet.engine(host)
    told, managers = engine.info, [engine.node_id, *more]

    def info() -> dict[str, Any]:
        said: dict[str, Any] = told()
        said["Swarm"] = {**said["Swarm"], "RemoteManagers": [{"NodeID": one, "Addr": ""} for one in managers]}
        return said

    engine.info = info


WAITING = "observe: A: no manager tells of the swarm; waiting until it has a leader, 90 s at most"


def test_a_manager_that_lost_its_power_is_waited_for_until_it_leads_again(fleet: FakeFleet, declared: Declared) -> None:
    know_managers(fleet, "A")
    join_slowly(fleet, "A", looks=6)
    progress = Told()
    assert seen(fleet, declared, progress).is_empty
    assert progress.warnings == [WAITING]


def test_managers_whose_leader_lost_its_power_are_waited_for_until_they_have_another(
    fleet: FakeFleet, declared: Declared
) -> None:
    lose_leader(fleet, "A", looks=6)
    progress = Told()
    assert seen(fleet, declared, progress).is_empty
    assert progress.warnings == [WAITING]


def test_a_swarm_that_finds_no_leader_is_refused_at_the_deadline(
    fleet: FakeFleet, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "LEADER_SECONDS", 0.3)
    lose_leader(fleet, "A", looks=10_000)
    assert [refusal.code for refusal in seen(fleet, declared, Told()).refusals] == ["H54"]


def test_a_manager_without_its_peers_is_not_waited_for(fleet: FakeFleet, declared: Declared) -> None:
    know_managers(fleet, "A", "lost", "lost-too")
    join_slowly(fleet, "A", looks=10_000)
    progress = Told()
    assert seen(fleet, declared, progress).refusals
    assert progress.warnings == []


def test_a_locked_manager_is_not_waited_for(fleet: FakeFleet, declared: Declared) -> None:
    fleet.engine("A").locked = True
    progress = Told()
    assert seen(fleet, declared, progress).refusals
    assert progress.warnings == []


def lose_connection(fleet: FakeFleet, host: str, *, after: int) -> None:
    """Make the SSH connection to *host* end once its engine was asked *after* times."""
    engine: Any = fleet.engine(host)
    answered, left = engine.info, [after]

    def info() -> dict[str, Any]:
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionGoneError(f"{host}: the SSH connection is gone")
        told: dict[str, Any] = answered()
        return told

    engine.info = info


def test_the_wait_for_a_leader_ends_with_the_last_connection_to_a_manager(fleet: FakeFleet, declared: Declared) -> None:
    lose_leader(fleet, "A", looks=10_000)
    lose_connection(fleet, "A", after=4)
    began = time.monotonic()
    with pytest.raises(ConnectionGoneError, match="A: the SSH connection is gone"):
        seen(fleet, declared, Told())
    assert time.monotonic() - began < leader.LEADER_SECONDS / 3
