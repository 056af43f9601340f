from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.host import Inventory
from swarmkit.observed.observe import observe
from swarmkit.plan.model import Step
from swarmkit.plan.planner import INIT, Declared
from swarmkit.plan.progress import Silent
from swarmkit.reach.lock import LOCK_NAME
from swarmkit.workflows.one_writer import one_writer


@pytest.fixture
def declared(fleet: FakeFleet) -> Declared:
    return Declared(Inventory(Path("inventory.yaml"), "prod", tuple(reached.host for reached in fleet.values())))


def held(fleet: FakeFleet) -> bool:
    return LOCK_NAME in {item["Spec"]["Name"] for item in fleet.engine("A").find("configs")}


def step(key: str, subject: str = "node") -> Step:
    return Step(key, subject, "create", "A", "act")  # type: ignore[arg-type]


def test_a_cluster_is_held_for_the_block_alone(fleet: FakeFleet, declared: Declared) -> None:
    run_once(fleet, declared)
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0) as writer:
        assert held(fleet)
        assert not writer.met_another
    assert not held(fleet)


def test_a_cluster_that_is_made_is_held_from_the_first_write_after(fleet: FakeFleet, declared: Declared) -> None:
    with one_writer(fleet, observe(fleet, kernel="never"), Silent(), "up", 0) as writer:
        writer.guard(step(INIT, "swarm"))
        writer.guard(step("image:A:x", "image"))
        run_once(fleet, declared)
        assert not held(fleet)
        writer.guard(step("join:B"))
        assert held(fleet)
    assert not held(fleet)
