"""Nodes that their engine has started again by itself, after their swarm part had ended: it says "error" ever after."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import possible_managers
from swarmkit.plan.declaration import Declared

NUMBERS = {"A": 11, "B": 12, "C": 13}
INVENTORY = Inventory(
    Path("inventory.yaml"),
    "prod",
    tuple(Host(name, f"10.88.0.{number}", "worker" if name == "C" else "manager") for name, number in NUMBERS.items()),
)
NO_LEADER = "rpc error: code = Unknown desc = The swarm does not have a leader."


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def says(fleet: FakeFleet, host: str, **changes: object) -> None:
    engine = fleet.engine(host)
    engine.info_changes = {"Swarm": {**engine.info()["Swarm"], "LocalNodeState": "error", **changes}}


@pytest.mark.parametrize("host", ["B", "C"])
def test_a_node_that_was_started_again_is_the_node_that_it_was(made: FakeFleet, host: str) -> None:
    says(made, host)
    assert observe(made, kernel="never").hosts[host].engine.swarm_state == "active"
    plan = plan_on(made, Declared(INVENTORY))
    assert (plan.refusals, plan.operations) == ((), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"Error": "manager stopped: can't initialize raft node", "ControlAvailable": False},
        {"NodeID": "", "ControlAvailable": False},
    ],
)
def test_a_node_that_does_not_run_is_refused(made: FakeFleet, changes: dict[str, object]) -> None:
    says(made, "B", **changes)
    (refusal,) = plan_on(made, Declared(INVENTORY)).refusals
    assert (refusal.code, refusal.where, refusal.what) == ("H49", "B", "its swarm state is error")


def test_a_manager_that_was_started_again_and_has_no_leader_may_go_on_alone(made: FakeFleet) -> None:
    says(made, "B", Error=NO_LEADER)
    assert "B" in possible_managers(observe(made, kernel="never"))
