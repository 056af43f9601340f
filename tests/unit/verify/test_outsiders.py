"""A node that runs tasks and is in no inventory is never taken for proved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from verify_world import World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove


@pytest.fixture
def world() -> World:
    """C is a ready node that runs the database, by the name of venus, and the inventory has A and B."""
    made = World()
    made.nodes[2]["Description"]["Hostname"] = "venus"
    return made


def wrong(world: World, *, is_absent: bool = False) -> list[Finding]:
    return [one for one in found(world, is_absent=is_absent) if one.severity == "error" and one.code != "V24"]


def found(world: World, *, is_absent: bool = False) -> tuple[Finding, ...]:
    """Return what is found with C in no inventory, or as a host that it has absent."""
    inventory, observed, fleet = world.inventory, world.observed, world.fleet
    inventory = replace(inventory, hosts=inventory.hosts[:2], leaving=inventory.hosts[2:] if is_absent else ())
    observed = replace(observed, hosts={name: facts for name, facts in observed.hosts.items() if name != "C"})
    del fleet["C"]
    return prove(fleet, inventory, None, observed).findings


def test_a_node_with_tasks_that_no_login_is_known_of_is_an_error(world: World) -> None:
    """On a clear network all was green: names and ways to it held, and nothing was asked from there."""
    world.networks[0]["Options"] = {}
    world.shells["C"].error = RuntimeError("never asked")
    (told,) = (one for one in wrong(world) if one.code != "V08")
    assert (told.code, told.where) == ("V14", "venus")
    assert told.what == "nothing is proved on venus, which runs tasks and is no host of the inventory"
    assert told.evidence == "node node-C at 10.88.0.13 runs shop_database"
    assert told.remedy == "add it to the inventory, or if it has left for good: swarmkit up --remove-nodes"


def test_one_whose_tasks_are_on_no_network_is_a_warning(world: World) -> None:
    """It made every `up` beside it end with 4, where nothing was claimed of any way."""
    for task in world.tasks:
        if task["NodeID"] == "node-C":
            task["NetworksAttachments"] = []
    world.shells["C"].error = RuntimeError("never asked")
    (told,) = (one for one in found(world) if (one.code, one.where) == ("V14", "venus"))
    assert told.severity == "warning"


def test_what_lacks_its_word_follows_from_that(world: World) -> None:
    world.shells["C"].error = RuntimeError("never asked")
    (cause,) = (one for one in wrong(world) if not one.follows_from)
    assert cause.code == "V14"
    assert {(one.code, one.where) for one in wrong(world) if one.follows_from} == {
        ("V12", "A <-> venus"),
        ("V12", "B <-> venus"),
    }


def test_one_without_tasks_is_a_leftover_alone(world: World) -> None:
    world.tasks = [task for task in world.tasks if task["NodeID"] != "node-C"]
    world.shells["C"].error = RuntimeError("never asked")
    assert {one.code for one in wrong(world)} == {"V02"}


def test_one_whose_host_the_inventory_has_absent_is_not_to_be_added_to_it(world: World) -> None:
    """Until the next `up`: it was called no host of the inventory, which names it."""
    world.shells["C"].error = RuntimeError("never asked")
    (cause,) = (one for one in wrong(world, is_absent=True) if not one.follows_from)
    assert cause.what == "nothing is proved on venus, which runs tasks and which the inventory has absent"
    assert (cause.code, cause.remedy) == ("V14", "swarmkit up")


@pytest.mark.parametrize("state", ["ready", "down"])
def test_an_absent_host_that_is_a_node_still_is_left_over_until_the_next_up(world: World, state: str) -> None:
    world.tasks = [task for task in world.tasks if task["NodeID"] != "node-C"]
    world.nodes[2]["Status"]["State"] = state
    (left,) = (one for one in found(world, is_absent=True) if one.code == "V23")
    assert (left.where, left.severity, left.remedy) == ("venus", "warning", "swarmkit up")
    assert left.what == f"node venus is {state}, and the inventory has its host C absent"
