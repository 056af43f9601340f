from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.situation import FACTS, Situation, holds

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"), Host("C", "10.88.0.13", "worker"))
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)


@pytest.fixture
def fleet() -> FakeFleet:
    return fake_fleet(INVENTORY)


def facts(fleet: FakeFleet, *, silent: str = "", host: str = "B") -> set[str]:
    """Return the facts that hold, those of one host for *host*."""
    reached = {name: one for name, one in fleet.items() if name not in silent}
    observed = observe(reached, kernel="never")
    situation = Situation(INVENTORY, observed, dict.fromkeys(silent, "no answer"))
    return {name for name, fact in FACTS.items() if holds(situation, name, host if fact.of_host else "")}


def test_bare_hosts(fleet: FakeFleet) -> None:
    assert facts(fleet) == {"hosts-answer", "hosts-to-join", "host-answers"}


def test_a_swarm_that_is_as_declared(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(INVENTORY))
    assert facts(fleet) == {
        "hosts-answer", "swarm-exists", "swarm-works", "nodes-ready", "host-answers", "node-ready",
    }  # fmt: skip


def test_a_drained_node_and_one_whose_host_is_silent(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(INVENTORY))
    node = fleet.cluster.nodes[fleet.engine("B").node_id]
    node["Spec"]["Availability"] = "drain"
    assert "node-drained" in facts(fleet)
    node["Status"]["State"] = "down"
    said = facts(fleet, silent="B")
    assert {"node-down", "nodes-to-remove"} <= said
    assert not said & {"node-ready", "nodes-ready", "hosts-answer", "host-answers"}


def test_a_wiped_host_is_no_ready_node_although_its_old_entry_is(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(INVENTORY))
    old = fleet.engine("B").node_id
    fleet.engine("B").leave_swarm(force=True)
    fleet.cluster.nodes[old]["Status"]["State"] = "ready"
    assert not facts(fleet) & {"node-ready", "node-down"}
    fleet.cluster.nodes[old]["Status"]["State"] = "down"
    assert {"node-down", "hosts-to-join"} <= facts(fleet)


def test_a_swarm_without_its_manager_has_lost_its_quorum(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(INVENTORY))
    assert {"quorum-lost", "swarm-exists"} <= facts(fleet, silent="A")
    assert "swarm-works" not in facts(fleet, silent="A")


def test_managers_that_are_all_locked_decide_nothing(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(INVENTORY))
    fleet.engine("A").info_changes = {
        "Swarm": {"LocalNodeState": "locked", "NodeID": "", "NodeAddr": "", "Error": "", "ControlAvailable": False}
    }
    observed = observe({"A": fleet["A"]}, kernel="never")
    situation = Situation(INVENTORY, observed, {"B": "no answer", "C": "no answer"})
    assert holds(situation, "quorum-lost", "")
    assert holds(situation, "managers-locked", "")
