"""Services whose number of tasks stands in no spec: global ones, and jobs, which shall end."""

from __future__ import annotations

from typing import Any

import pytest
from verify_world import NET, World

from swarmkit.converge.service_look import look_at
from swarmkit.finding import Finding
from swarmkit.observed import parse
from swarmkit.observed.global_services import nodes_of_global
from swarmkit.verify.prove import prove

DATABASE = "shop_database"
TEMPLATE = {"ContainerSpec": {"Image": DATABASE}}


def task(node: str, state: str, desired: str, at: int = 0, **more: Any) -> dict[str, Any]:
    status = {"State": state, "Err": "No such image: x:1" if state in ("rejected", "failed") else ""}
    on = [{"Network": {"ID": NET}, "Addresses": []}]
    made = {"ID": f"{node}-{at}", "ServiceID": f"s-{DATABASE}", "NodeID": f"node-{node}", "NetworksAttachments": on}
    made |= {"Spec": TEMPLATE, "CreatedAt": f"2026-12-01T10:00:{at:02}Z"}
    return {**made, "DesiredState": desired, "Status": status, **more}


@pytest.fixture
def world() -> World:
    return World()


def mode(world: World, **kind: dict[str, Any]) -> dict[str, Any]:
    service = next(item for item in world.services if item["Spec"]["Name"] == DATABASE)
    service["Spec"]["Mode"] = kind
    return service


def replicas(world: World) -> Finding:
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    return next(one for one in found if one.code == "V02" and one.where == DATABASE)


def test_a_global_service_misses_the_nodes_where_it_is_rejected_and_waits_to_be_tried_again(world: World) -> None:
    """Each next task shall be ``ready`` until its delay is over: 1 of 1 was told as all that is declared."""
    mode(world, Global={})
    for host in "AB":
        world.tasks += [task(host, "rejected", "shutdown", 1), task(host, "assigned", "ready", 2)]
    found = replicas(world)
    assert (found.severity, found.what) == ("error", "service shop_database: 1 of 3 tasks run")
    assert "No such image: x:1" in found.evidence


def test_a_global_service_misses_a_node_where_it_was_given_up(world: World) -> None:
    mode(world, Global={})
    world.tasks.append(task("B", "failed", "shutdown", 1))
    assert replicas(world).what == "service shop_database: 1 of 2 tasks run"


def test_a_global_service_does_not_miss_a_node_that_was_drained_or_that_failed_before_it_ran(world: World) -> None:
    mode(world, Global={})
    world.tasks += [task("B", "failed", "shutdown", 1), task("B", "shutdown", "shutdown", 2)]
    assert replicas(world).severity == "ok"


def test_a_global_service_does_not_miss_where_an_earlier_spec_failed() -> None:
    earlier = task("B", "failed", "shutdown", Spec={"ContainerSpec": {"Image": "other"}})
    assert nodes_of_global([parse.task(earlier), parse.task(task("A", "running", "running"))], TEMPLATE) == {"node-A"}


def test_waiting_for_a_global_service_does_not_end_while_a_node_s_task_waits_to_be_tried_again() -> None:
    """`up` ended with 0 between two rejections."""
    tasks = [task("A", "running", "running"), task("B", "rejected", "shutdown", 1), task("B", "assigned", "ready", 2)]

    class Manager:
        def inspect(self, _kind: str, _name: str) -> dict[str, Any]:
            return {"ID": f"s-{DATABASE}", "Spec": {"Mode": {"Global": {}}, "TaskTemplate": TEMPLATE}}

        def find(self, _kind: str, _filters: object = None) -> list[dict[str, Any]]:
            return tasks

    look = look_at(Manager(), DATABASE)  # type: ignore[arg-type]
    assert (look.running, look.wanted, look.is_converged) == (1, 2, False)


@pytest.mark.parametrize(
    ("tasks", "severity", "what"),
    [
        ([task("A", "complete", "complete")], "ok", "job shop_database: 1 of 1 tasks have completed"),
        ([task("A", "failed", "shutdown"), task("A", "complete", "complete", 1)], "ok", "1 of 1 tasks have completed"),
        (
            [task("A", "rejected", "shutdown"), task("A", "assigned", "ready", 1)],
            "error",
            "0 of 1 tasks have completed",
        ),
        ([task("A", "running", "complete")], "warning", "0 of 1 tasks have completed yet"),
    ],
)
def test_a_job_is_proved_by_what_has_completed(
    world: World, tasks: list[dict[str, Any]], severity: str, what: str
) -> None:
    """One that was rejected again and again was told to run as declared."""
    mode(world, ReplicatedJob={"TotalCompletions": 1})
    world.tasks = [one for one in world.tasks if one["ServiceID"] != f"s-{DATABASE}"] + tasks
    found = replicas(world)
    assert found.severity == severity
    assert what in found.what
    assert severity != "error" or "1 failed, the last one: No such image: x:1" in found.evidence


def test_a_global_job_shall_complete_on_each_node_where_a_task_of_it_shall_or_has_failed(world: World) -> None:
    mode(world, GlobalJob={})
    world.tasks = [one for one in world.tasks if one["ServiceID"] != f"s-{DATABASE}"]
    world.tasks += [task("A", "complete", "complete"), task("B", "failed", "shutdown")]
    assert "1 of 2 tasks have completed" in replicas(world).what
