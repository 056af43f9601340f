"""A task that the scheduler has forgotten is found by what the managers tell, and its service makes another."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Deploy, Service, Stack
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.planner import make_plan
from swarmkit.plan.stacks.forgotten import forgotten
from swarmkit.plan.stacks.operations import UpdateService
from swarmkit.verify.state.comparison import compare, prove_as_declared

NO_NODE = "no suitable node (scheduling constraints not satisfied on 2 nodes; 1 node not available for new tasks)"


def declared(fleet: FakeFleet, labels: Mapping[str, str] | None = None) -> Declared:
    inventory = Inventory(Path("inventory.yaml"), "lab", tuple(reached.host for reached in fleet.values()))
    service = Service("web", "registry.example/image:1", deploy=Deploy(labels=labels or {}))
    return Declared(inventory, Stack(Path("stack.yaml"), "shop", (service,), ()))


def waiting(fleet: FakeFleet, *, seconds: float = 61, error: str = "", **spec: Any) -> Observed:
    """Return what is there, were the service's only task one that waits for a host since *seconds* ago."""
    run_once(fleet, declared(fleet))
    seen = observe(fleet, kernel="never")
    assert seen.cluster
    (task,), (service,) = seen.cluster.tasks, seen.cluster.services
    since = datetime.datetime.fromtimestamp(seen.cluster.read_at - seconds, tz=datetime.UTC).isoformat()
    task = replace(task, state="pending", node_id="", error=error, state_since=since)
    template = {**service.spec["TaskTemplate"], **spec}
    service = replace(service, spec={**service.spec, "TaskTemplate": template})
    return replace(seen, cluster=replace(seen.cluster, tasks=(task,), services=(service,)))


@pytest.mark.parametrize("error", ["", NO_NODE])
def test_a_forgotten_task_s_service_makes_another(fleet: FakeFleet, error: str) -> None:
    plan = make_plan(declared(fleet), waiting(fleet, error=error, ForceUpdate=2))
    (operation,) = (op for op in plan.operations if isinstance(op, UpdateService))
    assert "moby issue 53722" in operation.step.reason
    assert [(one.path, one.old, one.new) for one in operation.step.changes] == [("TaskTemplate.ForceUpdate", "2", "3")]
    assert operation.spec["TaskTemplate"]["ForceUpdate"] == 3


def test_what_else_differs_comes_with_it(fleet: FakeFleet) -> None:
    plan = make_plan(declared(fleet, {"tier": "front"}), waiting(fleet))
    (operation,) = (op for op in plan.operations if isinstance(op, UpdateService))
    assert {one.path for one in operation.step.changes} == {"Labels.tier", "TaskTemplate.ForceUpdate"}


@pytest.mark.parametrize(
    ("seconds", "error", "constraints"),
    [
        (30, "", []),
        (61, "no suitable node (insufficient resources on 3 nodes)", []),
        (61, "no suitable node (scheduling constraints not satisfied on 2 nodes; missing plugin on 1 node)", []),
        (61, NO_NODE, ["node.labels.rack == nowhere"]),
        (61, NO_NODE, ["engine.labels.disk == fast"]),
        (61, NO_NODE, ["node.platform.arch == aarch64"]),
        (61, NO_NODE, ["node.ip == 192.0.2.1"]),
        (61, NO_NODE, ["NODE.ROLE == manager"]),
    ],
)
def test_a_task_that_just_came_or_has_no_place_is_not_forgotten(
    fleet: FakeFleet, seconds: float, error: str, constraints: list[str]
) -> None:
    seen = waiting(fleet, seconds=seconds, error=error, Placement={"Constraints": constraints})
    assert seen.cluster
    assert forgotten(seen.cluster.services[0], seen) is None


@pytest.mark.parametrize("state", ["paused", "rollback_started", "rollback_paused"])
def test_an_update_that_stands_still_is_not_pushed_on(fleet: FakeFleet, state: str) -> None:
    seen = waiting(fleet)
    assert seen.cluster
    service = replace(seen.cluster.services[0], update_state=state)
    assert forgotten(service, seen) is None


def test_a_node_that_just_came_has_the_scheduler_s_time(fleet: FakeFleet) -> None:
    seen = waiting(fleet, error=NO_NODE)
    assert seen.cluster
    now = datetime.datetime.fromtimestamp(seen.cluster.read_at - 5, tz=datetime.UTC).isoformat()
    nodes = tuple(replace(node, updated_at=now) for node in seen.cluster.nodes)
    assert forgotten(seen.cluster.services[0], replace(seen, cluster=replace(seen.cluster, nodes=nodes))) is None


def test_the_tasks_that_run_and_start_anew_are_told(fleet: FakeFleet) -> None:
    seen = waiting(fleet)
    assert seen.cluster
    running = replace(seen.cluster.tasks[0], state="running", node_id="other")
    seen = replace(seen, cluster=replace(seen.cluster, tasks=(*seen.cluster.tasks, running)))
    (operation,) = (op for op in make_plan(declared(fleet), seen).operations if isinstance(op, UpdateService))
    assert operation.step.reason.endswith("its 1 running tasks start anew with it")


def test_verify_does_not_call_it_undeclared(fleet: FakeFleet) -> None:
    seen = waiting(fleet)
    told = prove_as_declared(declared(fleet), seen, compare(declared(fleet), seen))
    assert [one.severity for one in told] == ["ok"]


def test_a_cluster_whose_clock_is_behind_ours_forgets_nothing_early(fleet: FakeFleet) -> None:
    seen = waiting(fleet, seconds=3630)
    assert seen.cluster
    assert forgotten(seen.cluster.services[0], seen)
    told_by = seen.hosts[seen.cluster.told_by]
    late = replace(told_by, system=replace(told_by.system, clock_offset_seconds=-3600))
    seen = replace(seen, hosts={**seen.hosts, seen.cluster.told_by: late})
    assert forgotten(seen.cluster.services[0], seen) is None
