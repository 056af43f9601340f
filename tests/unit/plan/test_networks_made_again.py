"""The way back to a network that is gone, whose range another one has by now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.stacks.operations import CreateNetwork
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan

INVENTORY = Inventory(
    Path("i.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),), address_pools=("10.20.0.0/16",)
)  # fmt: skip


def declared(folder: Path, *, subnet: str = "", is_there: bool) -> Declared:
    path = folder / "s.yaml"
    ipam = f", ipam: {{config: [{{subnet: {subnet}}}]}}" if subnet else ""
    networks = f"networks: {{app: {{attachable: true{ipam}}}}}\n" if is_there else ""
    path.write_text(f"services: {{web: {{image: 'r.example/web:1'{', networks: [app]' * is_there}}}}}\n{networks}")
    return Declared(INVENTORY, load_stack(path, environment={}), prune=True)


def way_back(folder: Path, *, had: str, taken: str, subnet: str = "") -> Plan:
    """Plan the way back to a network that had the range *had*, where another network has *taken* by now."""
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, declared(folder, subnet=subnet, is_there=True))
    fleet.cluster.resolve("networks", "s_app")["IPAM"] = ipam(had)
    run_once(fleet, declared(folder, is_there=False))
    assert "s_app" not in names(fleet)
    if taken:
        fleet.engine("A").create("networks", {"Name": "t_app", "Driver": "overlay", "IPAM": ipam(taken)})
    return make_rollback_plan(INVENTORY, "s", observe(fleet, kernel="never"), {})[0]


def ipam(subnet: str) -> dict[str, Any]:
    return {"Driver": "default", "Config": [{"Subnet": subnet}]}


def names(fleet: FakeFleet) -> set[str]:
    return {str(item["Name"]) for item in fleet.engine("A").find("networks")}


@pytest.mark.parametrize(("taken", "subnets"), [("", ["10.20.1.0/24"]), ("10.20.1.0/24", []), ("10.20.0.0/16", [])])
def test_a_range_of_the_pools_that_is_taken_is_asked_for_anew(tmp_path: Path, taken: str, subnets: list[str]) -> None:
    plan = way_back(tmp_path, had="10.20.1.0/24", taken=taken)
    assert plan.refusals == ()
    (made,) = [op for op in plan.operations if isinstance(op, CreateNetwork)]
    assert [one["Subnet"] for one in made.body["IPAM"]["Config"]] == subnets


def test_a_declared_range_that_is_taken_is_refused_before_anything_changes(tmp_path: Path) -> None:
    (found,) = way_back(tmp_path, had="10.99.1.0/24", taken="10.99.0.0/16", subnet="10.99.1.0/24").refusals
    assert found.code == "H73"
    assert "t_app (10.99.0.0/16)" in found.what
