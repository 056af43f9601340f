"""What a service depends on comes first, as far as its condition says."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared
from swarmkit.plan.stacks.operations import AwaitService

FILE = """
services:
  web: {{image: 'r.example/web:1', depends_on: {depends_on}}}
  data: {{image: 'r.example/data:1', deploy: {{mode: {mode}}}}}
"""


def declared(folder: Path, fleet: FakeFleet, depends_on: str, mode: str = "replicated") -> Declared:
    path = folder / "s.yaml"
    path.write_text(FILE.format(depends_on=depends_on, mode=mode))
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(path, environment={}))


@pytest.mark.parametrize(
    ("depends_on", "mode", "summary", "started"),
    [
        ("[data]", "replicated", "wait until s_data runs healthy", False),
        ("{data: {condition: service_healthy}}", "replicated", "wait until s_data runs healthy", False),
        ("{data: {condition: service_started}}", "replicated", "wait until s_data has started", True),
        ("{data: {condition: service_started}}", "replicated-job", "wait until s_data has started", True),
        ("{data: {condition: service_completed_successfully}}", "global-job", "wait until s_data has completed", False),
        ("[data]", "replicated-job", "wait until s_data has completed", False),
    ],
)
def test_a_service_is_made_after_what_it_depends_on_has_come_as_far_as_the_condition_says(
    fleet: FakeFleet, tmp_path: Path, depends_on: str, mode: str, summary: str, started: bool
) -> None:
    plan = plan_on(fleet, declared(tmp_path, fleet, depends_on, mode))
    by_key = {operation.step.key: operation for operation in plan.operations}
    (wait,) = [operation for operation in plan.operations if isinstance(operation, AwaitService)]
    assert (wait.step.summary, wait.started) == (summary, started)
    assert wait.step.after == {"service:s_data"}
    assert wait.step.key in by_key["service:s_web"].step.after


def test_two_services_wait_for_one_by_different_conditions(fleet: FakeFleet, tmp_path: Path) -> None:
    wish = declared(tmp_path, fleet, "{data: {condition: service_started}}")
    with (tmp_path / "s.yaml").open("a") as file:
        file.write("  late: {image: 'r.example/late:1', depends_on: [data]}\n")
    wish = Declared(wish.inventory, load_stack(tmp_path / "s.yaml", environment={}))
    waits = {op.step.key: op for op in plan_on(fleet, wish).operations if isinstance(op, AwaitService)}
    assert {key: wait.started for key, wait in waits.items()} == {"wait:s_data": False, "wait:s_data:started": True}
    _, applied = run_once(fleet, wish)
    assert not applied.failed
    assert plan_on(fleet, wish).is_empty


def test_who_needs_only_the_start_is_made_while_the_other_is_not_healthy_yet(fleet: FakeFleet, tmp_path: Path) -> None:
    wish = declared(tmp_path, fleet, "{data: {condition: service_started}}")
    run_once(fleet, Declared(wish.inventory))
    fleet.cluster.behaviour["s_data"] = "unhealthy"
    _, applied = run_once(fleet, wish)
    assert not applied.failed
    assert {item["Spec"]["Name"] for item in fleet.cluster.objects["services"].values()} == {"s_web", "s_data"}
