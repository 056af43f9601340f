"""A host that falls silent while up or rollback prove is lost in the middle of the run; verify goes on without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.swarm import FakeFleet
from unit.verify.verify_world import World

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import SwarmkitError
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.verify import prove as proofs
from swarmkit.verify.prove import prove
from swarmkit.workflows import rollback
from swarmkit.workflows.lost_hosts import HostLostError, telling_of_lost
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import up

LOST = ConnectionLostError("C: connection lost", "no route to host")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """C has lost its power, and the managers have not seen it yet."""
    made = World()
    made.shells["C"].error = LOST
    seen = made.observed

    def observe(fleet: Any, **_: object) -> object:
        if "C" in fleet:
            raise LOST
        return seen

    monkeypatch.setattr(proofs, "observe", observe)
    return made


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_one_that_all_must_answer_to_is_told_with_what_was_on_it(world: World, patience: float) -> None:
    """It was a proof that failed, exit code 4, and what ran there was not told."""

    def run() -> None:
        with telling_of_lost(world.fleet) as watched:
            watched.observed = world.observed
            prove(world.fleet, world.inventory, None, world.observed, patience_seconds=patience, all_must_answer=True)

    with pytest.raises(HostLostError) as caught:
        run()
    assert caught.value.exit_code == 1
    assert caught.value.what == "lost in the middle of the run: C"
    assert "C: connection lost: no route to host; on it: tasks of shop_database" in caught.value.why


@pytest.mark.parametrize("patience", [0.0, 0.3])
def test_the_proof_alone_goes_on_without_it(world: World, patience: float) -> None:
    found = prove(world.fleet, world.inventory, None, world.observed, patience_seconds=patience).findings
    assert "C" in {one.where for one in found if one.code == "V14" and one.severity == "error"}


def test_a_proof_that_fails_on_hosts_that_answer_stays_a_proof_that_failed(world: World) -> None:
    world.shells["C"].error = None
    world.shells["C"].sections["states"] = ""
    found = prove(world.fleet, world.inventory, None, world.observed, all_must_answer=True).findings
    assert {one.code for one in found if one.severity == "error"} >= {"V09"}


STACK = "services: {data: {image: 'r.example/data:1', deploy: {mode: global}}}"


def test_up_ends_with_the_host_that_its_proof_lost(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.yaml").write_text(STACK)
    inventory = Inventory(tmp_path / "i.yaml", "prod", tuple(reached.host for reached in fleet.values()))
    declared = Declared(inventory, load_stack(tmp_path / "s.yaml", environment={}))

    @contextmanager
    def reach(*_: object, **__: object) -> Iterator[tuple[FakeFleet, dict[str, SwarmkitError]]]:
        yield fleet, {}

    def lost(*_: object) -> None:
        raise LOST

    def read_live(*_: object) -> None:
        shell: Any = fleet["C"].shell
        shell.answer = lost
        raise LOST

    monkeypatch.setattr("swarmkit.workflows.up.reach_with_leaving", reach)
    monkeypatch.setattr("swarmkit.workflows.up.PROOF_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(proofs, "read_live", read_live)
    with pytest.raises(HostLostError) as caught:
        up(declared, Terms(Silent(), lambda _: True))
    assert "on it: tasks of s_data" in caught.value.why


def test_rollback_ends_with_it_too(world: World) -> None:
    with pytest.raises(ConnectionLostError):
        rollback._prove(Declared(world.inventory, None), world.fleet, world.observed, Silent(), {})
