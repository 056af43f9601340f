"""A run that was killed while a host joined: its engine goes on to join, and the next run waits for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows import joining
from swarmkit.workflows.joining import joins_ended


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warned(self, key: str, text: str) -> None:
        self.warnings.append(f"{key}: {text}")


@pytest.fixture
def declared(fleet: FakeFleet, tmp_path: Path) -> Declared:
    declared = Declared(Inventory(tmp_path / "i.yaml", "prod", tuple(reached.host for reached in fleet.values())))
    run_once(fleet, declared)
    return declared


def join_slowly(fleet: FakeFleet, host: str, *, looks: int) -> None:
    """Make *host*'s engine say for as many *looks* that a join is under way."""
    engine: Any = fleet.engine(host)
    joined, left = engine.info, [looks]

    def info() -> dict[str, Any]:
        told: dict[str, Any] = joined()
        if left[0]:
            left[0] -= 1
            told["Swarm"] = {**told["Swarm"], "LocalNodeState": "pending", "ControlAvailable": False}
        return told

    engine.info = info


def seen(fleet: FakeFleet, declared: Declared, progress: Told) -> Plan:
    def look(those: Fleet) -> tuple[Plan, Observed]:
        assert those is fleet
        return plan_on(fleet, declared), observe(fleet, kernel="never")

    return joins_ended(fleet, look, progress)[0]


def test_a_join_that_is_under_way_is_waited_for_and_told(fleet: FakeFleet, declared: Declared) -> None:
    join_slowly(fleet, "C", looks=4)
    progress = Told()
    assert seen(fleet, declared, progress).is_empty
    assert progress.warnings == ["observe: C: a join is under way there; waiting until it ends, 30 s at most"]


def test_a_join_that_does_not_end_is_refused_at_the_deadline(
    fleet: FakeFleet, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "JOIN_SECONDS", 0.3)
    join_slowly(fleet, "C", looks=10_000)
    assert [refusal.where for refusal in seen(fleet, declared, Told()).refusals] == ["C"]


def test_a_manager_without_its_peers_is_not_waited_for(fleet: FakeFleet, declared: Declared) -> None:
    join_slowly(fleet, "A", looks=10_000)
    progress = Told()
    assert seen(fleet, declared, progress).refusals
    assert progress.warnings == []
