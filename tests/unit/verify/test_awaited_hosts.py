"""A service whose only host is not as declared: V02 sends to what V01 says of that host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from verify_world import World

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.verify.prove import prove

DATABASE = "shop_database"
POINTS_TO_C = "it may run nowhere else: first do what V01 says of C"


def waiting(constraint: str = "node.labels.role==C") -> World:
    """Return a shop whose database waits, with the constraint, for a node."""
    world = World()
    service = next(one for one in world.services if one["ID"] == f"s-{DATABASE}")
    service["Spec"]["TaskTemplate"]["Placement"] = {"Constraints": [constraint]}
    task = next(one for one in world.tasks if one["ServiceID"] == f"s-{DATABASE}")
    task["NodeID"] = ""
    task["Status"] = {"State": "pending", "Err": "no suitable node (1 node not available for new tasks)"}
    return world


def database(world: World, observed: Observed | None = None) -> Finding:
    told = prove(world.fleet, world.inventory, None, observed or world.observed).findings
    return next(one for one in told if (one.code, one.where) == ("V02", DATABASE))


def drain(world: World) -> None:
    world.nodes[2]["Spec"]["Availability"] = "drain"


def take_label(world: World) -> None:
    world.nodes[2]["Spec"]["Labels"] = {}


@pytest.mark.parametrize("fault", [drain, take_label])
def test_a_service_whose_only_host_was_drained_or_lost_its_label_sends_to_v01(fault: Callable[[World], None]) -> None:
    """It told of `docker service ps`, and of what its host may lack for ESP."""
    world = waiting()
    fault(world)
    found = database(world)
    assert found.severity == "error"
    assert found.remedy == POINTS_TO_C


def test_a_service_whose_only_host_left_the_swarm_by_hand_does_too() -> None:
    world = waiting()
    world.nodes[2]["Status"]["State"] = "down"
    observed = world.observed
    left = replace(observed.hosts["C"], engine=replace(observed.hosts["C"].engine, swarm_state="inactive", node_id=""))
    assert database(world, replace(observed, hosts={**observed.hosts, "C": left})).remedy == POINTS_TO_C


@pytest.mark.parametrize("constraint", ["node.labels.role==Z", "node.role==worker"])
def test_a_service_that_no_host_may_run_as_declared_or_another_may_does_not(constraint: str) -> None:
    world = waiting(constraint)
    drain(world)
    assert "docker service ps" in database(world).remedy
