"""A task that ends while it is probed: nothing is proved of it, and nothing wrong of anything else."""

from __future__ import annotations

import pytest
from unit.verify.verify_world import TASK, World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove

DATABASE = "shop_database"


@pytest.fixture
def world() -> World:
    made = World()
    made.ending = {DATABASE}
    return made


def wrong(world: World) -> dict[tuple[str, str], Finding]:
    findings = prove(world.fleet, world.inventory, None, world.observed).findings
    return {(one.code, one.where): one for one in findings if one.severity != "ok" and one.code != "V13"}


def test_it_is_told_as_ended_with_what_shows_why_and_nobody_else_s_names_are_blamed(world: World) -> None:
    """Its names were said to be "its network could not be entered", with an update by force as the remedy."""
    found = wrong(world)
    assert found.keys() == {("V02", DATABASE), ("V05", f"{DATABASE} on C")}
    ended = found["V05", f"{DATABASE} on C"]
    assert ended.what == "nothing is proved from shop_database on C and to it: the task ended while it was probed"
    assert ended.evidence == "its container is exited"
    assert ended.remedy == "on A: docker service ps --no-trunc shop_database tells why; then verify again"


def test_the_service_is_not_said_to_run_it(world: World) -> None:
    replicas = wrong(world)["V02", DATABASE]
    assert replicas.what == "service shop_database: 0 of 1 tasks run"
    assert "the task on C has ended since" in replicas.evidence


def test_a_global_service_counts_it_as_missing(world: World) -> None:
    service = next(item for item in world.services if item["Spec"]["Name"] == DATABASE)
    service["Spec"]["Mode"] = {"Global": {}}
    assert wrong(world)["V02", DATABASE].what == "service shop_database: 0 of 1 tasks run"


def test_of_services_that_share_no_network_it_proves_neither_isolation_nor_a_breach(world: World) -> None:
    """Names that nobody could ask for were told as names that resolve beyond their networks."""
    world.part(DATABASE)
    findings = prove(world.fleet, world.inventory, None, world.observed).findings
    apart = {one.where: one for one in findings if one.code in ("V18", "V24")}
    assert {one.severity for one in apart.values()} == {"ok"}
    assert f"{DATABASE}@C -> shop_backend" not in apart
    assert not [one for one in apart.values() if TASK[DATABASE] in one.evidence]


def test_what_could_not_be_entered_and_runs_is_told_of_its_task_alone(world: World) -> None:
    world.ending, world.unentered = set(), {DATABASE: "Operation not permitted"}
    found = wrong(world)
    assert found.keys() == {("V05", f"{DATABASE} on C"), ("V12", "A <-> C"), ("V12", "B <-> C")}
    assert "its network could not be entered (Operation not permitted)" in found["V05", f"{DATABASE} on C"].what


def test_frames_that_come_for_it_when_it_has_ended_are_no_error_of_the_kernel(world: World) -> None:
    world.shells["C"].new_errors = 2
    assert not [code for code, _ in wrong(world) if code == "V15"]


def test_a_rule_that_was_missing_while_it_ran_is_told_for_it_may_have_ended_by_that(world: World) -> None:
    """On a slow lab a backend whose frames were dropped ended in the proof, and V10 with it."""
    world.shells["C"].sections["mangle"] = ""
    assert ("V10", "shop_shop on C") in wrong(world)
