"""A service that crashes every few seconds runs whenever verify looks between two crashes: V02 tells of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from verify_world import World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove

BACKEND = "shop_backend"


def replicas(world: World, of: str = BACKEND) -> Finding:
    told = prove(world.fleet, world.inventory, None, world.observed).findings
    return next(one for one in told if (one.code, one.where) == ("V02", of))


def made(seconds_ago: float) -> str:
    return datetime.datetime.fromtimestamp(-seconds_ago, tz=datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f123Z")


def fail(world: World, seconds_ago: Iterable[float], *, runs_since: float = 1, **more: Any) -> None:
    """Have the managers remember tasks of the backend that were made so long ago and failed; the world's time is 0."""
    running = next(task for task in world.tasks if task["ServiceID"] == f"s-{BACKEND}")
    running |= {"Slot": 1, "CreatedAt": made(runs_since)}
    for place, ago in enumerate(seconds_ago):
        status = {"State": "failed", "Err": f"task: non-zero exit ({place})"}
        failed = {"ID": f"failed-{place}", "DesiredState": "shutdown", "CreatedAt": made(ago), "Status": status}
        world.tasks.append({**running, **failed, **more})


def test_a_service_whose_task_runs_between_two_crashes_is_not_proved_but_warned_of_with_its_last_error() -> None:
    world = World()
    fail(world, (40, 30, 20, 10))
    found = replicas(world)
    assert found.severity == "warning"
    assert found.what == "service shop_backend: 1 of 1 tasks run, and keep failing"
    assert found.evidence == (
        "4 that began in the last 2 minutes have failed; the last error: task: non-zero exit (3), on B"
    )
    assert found.remedy == "on A: docker service ps --no-trunc shop_backend"
    assert replicas(world, "shop_frontend").severity == "ok"


def test_one_that_failed_until_its_database_answered_and_holds_since_is_well() -> None:
    """It was warned of for two minutes more, and by the proof of a first `up`."""
    world = World()
    fail(world, (118, 115, 112), runs_since=109)
    assert replicas(world).severity == "ok"


@pytest.mark.parametrize(("ahead_seconds", "severity"), [(-7200.0, "warning"), (0.0, "ok")])
def test_what_is_recent_goes_by_the_managers_clock_and_not_by_the_operators(
    ahead_seconds: float, severity: str
) -> None:
    world = World()
    fail(world, (7240, 7230, 7220))
    observed = world.observed
    leader = observed.hosts["A"]
    leader = replace(leader, system=replace(leader.system, clock_offset_seconds=ahead_seconds))
    observed = replace(observed, hosts={**observed.hosts, "A": leader})
    told = prove(world.fleet, world.inventory, None, observed).findings
    assert next(one.severity for one in told if (one.code, one.where) == ("V02", BACKEND)) == severity


@pytest.mark.parametrize(
    ("seconds_ago", "more"),
    [
        ((10,), {}),  # docker kill
        ((9000, 8000, 7000, 10), {}),  # each failure after a long run
        ((400, 300, 200), {}),  # over
        ((-7000, -3600, -100), {}),  # of a clock that was hours ahead, and is right now
        ((40, 30, 20), {"Spec": {"ContainerSpec": {"Image": "before-the-update"}}}),
        ((40, 30, 20), {"Status": {"State": "shutdown"}}),
    ],
)
def test_a_kill_what_is_over_an_earlier_spec_and_a_planned_move_are_no_failing_service(
    seconds_ago: tuple[float, ...], more: dict[str, Any]
) -> None:
    world = World()
    fail(world, seconds_ago, **more)
    assert replicas(world).severity == "ok"


def test_a_host_that_restarts_costs_each_place_one_task_which_is_no_failing_service() -> None:
    world = World()
    for slot in (1, 2, 3, 4):
        fail(world, (10,), Slot=slot)
    assert replicas(world).severity == "ok"


def test_a_service_of_which_nothing_runs_stays_an_error() -> None:
    world = World()
    fail(world, (40, 30, 20))
    world.tasks[1]["Status"] = {"State": "pending", "Err": "no suitable node"}
    assert replicas(world).severity == "error"
