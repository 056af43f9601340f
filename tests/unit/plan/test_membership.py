from pathlib import Path

from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.host import Host, Inventory
from swarmkit.plan.planner import Declared


def inventory(*hosts: Host) -> Inventory:
    return Inventory(Path("inventory.yaml"), "prod", hosts)


def fleet_of(declared: Inventory) -> FakeFleet:
    return fake_fleet(declared)


def test_the_first_manager_has_its_availability_from_the_start() -> None:
    declared = Declared(inventory(Host("A", "10.88.0.11", "manager", availability="drain")))
    fleet = fleet_of(declared.inventory)
    run_once(fleet, declared)
    assert fleet.engine("A").find("nodes")[0]["Spec"]["Availability"] == "drain"
    assert plan_on(fleet, declared).is_empty


def test_managers_join_one_after_another_and_workers_beside_them() -> None:
    declared = Declared(
        inventory(
            *(Host(name, f"10.88.0.{number}", "manager") for number, name in enumerate("ABC", 11)),
            Host("D", "10.88.0.14", "worker"),
        )
    )
    plan = plan_on(fleet_of(declared.inventory), declared)
    after = {operation.step.key: set(operation.step.after) for operation in plan.operations}
    assert after == {
        "swarm:init": set(),
        "join:B": {"swarm:init"},
        "join:C": {"join:B"},
        "join:D": {"swarm:init"},
    }
