"""A service's version rises by what the swarm writes of an update too, not only by what somebody changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import Silent


@pytest.fixture
def planned(fleet: FakeFleet) -> Plan:
    run_once(fleet, declared(fleet, 1))
    return plan_on(fleet, declared(fleet, 2))


def declared(fleet: FakeFleet, version: int) -> Declared:
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    services = (Service("web", f"r.example/web:{version}"),)
    return Declared(inventory, Stack(Path("s.yaml"), "shop", services))


def web(fleet: FakeFleet) -> dict[str, Any]:
    (service,) = fleet.cluster.objects["services"].values()
    return service


def carried_out(fleet: FakeFleet, plan: Plan) -> Applied:
    return apply(plan, Context(fleet, Silent(), "A", lambda name, _: name))


def test_an_update_that_ends_before_the_next_one_does_not_stop_it(fleet: FakeFleet, planned: Plan) -> None:
    web(fleet)["Version"] = {"Index": fleet.cluster.next_index()}
    assert not carried_out(fleet, planned).failed
    assert web(fleet)["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] == "r.example/web:2"


def test_what_somebody_else_has_changed_meanwhile_is_not_overwritten(fleet: FakeFleet, planned: Plan) -> None:
    service = web(fleet)
    changed = {**service["Spec"], "Labels": {**service["Spec"]["Labels"], "by": "hand"}}
    fleet.engine("A").update("services", service["ID"], service["Version"]["Index"], changed)
    (failed,) = carried_out(fleet, planned).failed
    assert isinstance(failed.error, SwarmkitError)
    assert "changed by others meanwhile" in failed.error.what
    assert "by: " in failed.error.why
    assert web(fleet)["Spec"]["Labels"]["by"] == "hand"


def test_an_update_that_the_swarm_has_taken_back_meanwhile_is_told_as_that(fleet: FakeFleet, planned: Plan) -> None:
    """Of a run that was interrupted, whose version does not come up while the next one asks."""
    service = web(fleet)
    service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = "r.example/web:0"
    service["Version"] = {"Index": fleet.cluster.next_index()}
    service["UpdateStatus"] = {"State": "rollback_completed"}
    (failed,) = carried_out(fleet, planned).failed
    assert isinstance(failed.error, SwarmkitError)
    assert "the swarm has taken its update back meanwhile" in failed.error.what
    assert "r.example/web:1 is now r.example/web:0" in failed.error.why
