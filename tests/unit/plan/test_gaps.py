"""What an update leaves serving: of a service whose only task is stopped first the plan says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Deploy, Mount, Port, Service, Stack, UpdateConfig, Volume
from swarmkit.plan.declaration import Declared

WEB = Service("web", "registry.example/web:1", environment={"EDITION": "one"})


def declared(fleet: FakeFleet, service: Service) -> Declared:
    inventory = Inventory(Path("inventory.yaml"), "lab", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, Stack(Path("stack.yaml"), "s", (service,), (), volumes=(Volume("v", "s_v"),)))


def told(fleet: FakeFleet, before: Service, after: Service) -> list[tuple[str, str]]:
    run_once(fleet, declared(fleet, before))
    found = [one for one in plan_on(fleet, declared(fleet, after)).warnings if one.code == "B58"]
    return [(one.where, one.what) for one in found]


def next_edition(service: Service) -> Service:
    return replace(service, environment={"EDITION": "two"})


def with_update(replicas: int = 1, order: str | None = None, parallelism: int | None = None) -> Service:
    config = UpdateConfig(order=order, parallelism=parallelism)  # type: ignore[arg-type]
    return replace(WEB, deploy=Deploy(replicas=replicas, update_config=config))


@pytest.mark.parametrize(
    ("service", "tasks"),
    [
        (WEB, "its task is stopped first"),
        (with_update(), "its task is stopped first"),
        (with_update(order="stop-first"), "its task is stopped first"),
        (with_update(replicas=2, parallelism=0), "its 2 tasks are stopped first"),
        (with_update(replicas=2, parallelism=2), "its 2 tasks are stopped first"),
    ],
)
def test_an_update_that_stops_all_tasks_first_is_warned_of(fleet: FakeFleet, service: Service, tasks: str) -> None:
    ((where, what),) = told(fleet, service, next_edition(service))
    assert where == "s_web"
    assert what == f"nothing of s_web serves during its update, nor after one that fails: {tasks}"


@pytest.mark.parametrize(
    "service",
    [
        with_update(order="start-first"),
        with_update(replicas=2),
        with_update(replicas=0),
        replace(WEB, deploy=Deploy(mode="global")),
        replace(WEB, mounts=(Mount("volume", "/data", source="v"),)),
        replace(WEB, mounts=(Mount("bind", "/data", source="/srv"),)),
        replace(WEB, ports=(Port(80, 8080, mode="host"),)),
    ],
    ids=["start first", "two", "none", "global", "volume", "bind", "port of the host"],
)
def test_one_that_leaves_tasks_or_has_to_stop_first_is_not(fleet: FakeFleet, service: Service) -> None:
    assert told(fleet, service, next_edition(service)) == []


def test_a_change_that_replaces_no_task_is_none(fleet: FakeFleet) -> None:
    assert told(fleet, WEB, replace(WEB, deploy=Deploy(labels={"a": "b"}))) == []


def test_a_service_that_does_not_serve_now_loses_nothing(fleet: FakeFleet) -> None:
    run_once(fleet, Declared(declared(fleet, WEB).inventory))
    fleet.cluster.behaviour["s_web"] = "unhealthy"
    assert told(fleet, WEB, next_edition(WEB)) == []
