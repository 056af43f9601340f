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


def wrong(world: World) -> list[Finding]:
    inventory, observed, fleet = world.inventory, world.observed, world.fleet
    inventory = replace(inventory, hosts=inventory.hosts[:2])
    observed = replace(observed, hosts={name: facts for name, facts in observed.hosts.items() if name != "C"})
    del fleet["C"]
    found = prove(fleet, inventory, None, observed).findings
    return [one for one in found if one.severity == "error" and one.code != "V24"]


def test_a_node_with_tasks_that_no_login_is_known_of_is_an_error(world: World) -> None:
    """On a clear network all was green: names and ways to it held, and nothing was asked from there."""
    world.networks[0]["Options"] = {}
    world.shells["C"].error = RuntimeError("never asked")
    (told,) = (one for one in wrong(world) if one.code != "V08")
    assert (told.code, told.where) == ("V14", "venus")
    assert told.what == "nothing is proved on venus, which runs tasks and is no host of the inventory"
    assert told.evidence == "node node-C at 10.88.0.13 runs shop_database"
    assert told.remedy == "add it to the inventory, or if it has left for good: swarmkit up --remove-nodes"


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
