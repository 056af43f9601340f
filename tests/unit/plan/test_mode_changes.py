"""Services whose mode is another one than the live one's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Deploy, Service, Stack
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan

INVENTORY = Inventory(Path("i.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))

Mode = Literal["replicated", "global", "replicated-job", "global-job"]


def declared(mode: Mode) -> Declared:
    deploy = Deploy(mode=mode, replicas=2 if mode == "replicated" else 1)
    return Declared(INVENTORY, Stack(Path("s.yaml"), "s", (Service("web", "r.example/web:1", deploy=deploy),)))


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, declared("replicated"))
    return fleet


@pytest.mark.parametrize("mode", ["global", "replicated-job", "global-job"])
def test_another_mode_is_refused_before_the_engine_does_half_way(fleet: FakeFleet, mode: Mode) -> None:
    (found,) = plan_on(fleet, declared(mode)).refusals
    assert (found.code, found.evidence) == ("B57", f"it is replicated, the file says {mode}")
    assert "docker service rm s_web" in found.remedy
    assert plan_on(fleet, declared("replicated")).is_empty


def test_a_service_that_was_made_anew_in_another_mode_is_not_taken_back_by_an_update(fleet: FakeFleet) -> None:
    live = fleet.cluster.resolve("services", "s_web")
    fleet.engine("A").remove("services", live["ID"])
    run_once(fleet, declared("global"))
    fleet.cluster.objects["configs"].clear()
    run_once(fleet, changed("global"))
    live = fleet.cluster.resolve("services", "s_web")
    fleet.engine("A").remove("services", live["ID"])
    fleet.engine("A").create("services", {**live["Spec"], "Mode": {"Replicated": {"Replicas": 1}}})
    plan, _ = make_rollback_plan(INVENTORY, "s", observe(fleet, kernel="never"), {})
    (found,) = plan.refusals
    assert (found.code, found.evidence) == ("H73", "it is replicated, and was global")


def changed(mode: Mode) -> Declared:
    deploy = Deploy(mode=mode)
    service = Service("web", "r.example/web:1", environment={"A": "b"}, deploy=deploy)
    return Declared(INVENTORY, Stack(Path("s.yaml"), "s", (service,)))
