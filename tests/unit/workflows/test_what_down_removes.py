"""What `down` takes away, and what it leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.model import STACK_LABEL
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.workflows.down import down
from swarmkit.workflows.terms import Terms

STACK = """
services: {web: {image: 'r.example/web:1', volumes: ['data:/data']}}
volumes: {data: {}}
"""


class Operator:
    """Has the stack `shop` on a swarm with a volume of its own on B and C, and takes it down again."""

    def __init__(self, fleet: FakeFleet, folder: Path) -> None:
        (folder / "stack.yaml").write_text(STACK)
        hosts = tuple(reached.host for reached in fleet.values())
        stack = load_stack(folder / "stack.yaml", name="shop", environment={})
        self.fleet = fleet
        self.declared = Declared(
            Inventory(folder / "hosts.yaml", "prod", hosts, address_pools=("10.20.0.0/16",)), stack
        )
        _, applied = run_once(fleet, self.declared)
        assert not applied.failed
        for host in "BC":
            self.make_volume(host, "shop_data", {STACK_LABEL: "shop"})
        self.make_volume("C", "other_data", {STACK_LABEL: "other"})
        self.make_volume("C", "by-hand", {})
        self.shown: list[Plan] = []

    def make_volume(self, host: str, name: str, labels: dict[str, str]) -> None:
        self.fleet.engine(host).create("volumes", {"Name": name, "Labels": labels})

    def down(self, **options: bool) -> Applied | None:
        return down(self.declared, "shop", Terms(Silent(), lambda plan: self.shown.append(plan) is None), **options)

    @property
    def volumes(self) -> dict[str, list[str]]:
        return {engine.host: sorted(engine.volumes) for engine in self.fleet.engines}


@pytest.fixture
def operator(fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    @contextmanager
    def on_fleet(*_: Any, **__: Any) -> Iterator[FakeFleet]:
        yield fleet

    monkeypatch.setattr("swarmkit.workflows.down.reach", on_fleet)
    return Operator(fleet, tmp_path)


def test_down_keeps_volumes_unless_told(operator: Operator) -> None:
    before = operator.volumes
    assert operator.down()
    assert operator.volumes == before
    assert [engine.cluster for engine in operator.fleet.engines] == [None] * 3
    assert not [
        operation for plan in operator.shown for operation in plan.operations if operation.step.subject == "volume"
    ]


def test_down_with_volumes_removes_those_of_the_stack_on_every_host_and_no_other(operator: Operator) -> None:
    applied = operator.down(volumes=True, keep_swarm=True)
    assert applied
    assert not applied.failed
    assert operator.volumes == {"A": [], "B": [], "C": ["by-hand", "other_data"]}
    assert not operator.fleet.cluster.objects["services"]
    told = [f"{step.target}: {step.summary}" for step in _steps(operator) if step.subject == "volume"]
    assert told == [f"{host}: remove volume shop_data and its data" for host in "BC"]
    assert all(step.destructive for step in _steps(operator) if step.subject == "volume")


def test_volumes_go_when_the_containers_that_use_them_are_gone(operator: Operator) -> None:
    in_use: list[bool] = []

    def around(action: str, write: Any) -> Any:
        if action.startswith("remove service"):
            time.sleep(0.05)
        if action.startswith("remove volume"):
            in_use.append(any(engine.find("containers") for engine in operator.fleet.engines))
        return write()

    operator.fleet.intercept(around)
    operator.down(volumes=True)
    assert in_use == [False, False]
    assert [engine.cluster for engine in operator.fleet.engines] == [None] * 3


def test_volumes_of_a_stack_that_is_gone_already_are_removed_too(operator: Operator) -> None:
    operator.down(keep_swarm=True)
    operator.down(volumes=True, keep_swarm=True)
    assert operator.volumes == {"A": [], "B": [], "C": ["by-hand", "other_data"]}
    assert operator.down(volumes=True, keep_swarm=True) is None


def test_a_host_that_cannot_tell_its_volumes_stops_it_before_anything_is_removed(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = operator.fleet.engine("B")
    find = engine.find

    def lost(kind: Any, filters: Any = None) -> Any:
        if kind == "volumes":
            raise ConnectionLostError("B does not answer")
        return find(kind, filters)

    monkeypatch.setattr(engine, "find", lost)
    with pytest.raises(ConnectionLostError):
        operator.down(volumes=True)
    assert operator.fleet.cluster.objects["services"]
    assert not operator.shown


def _steps(operator: Operator) -> Iterator[Any]:
    return (operation.step for plan in operator.shown for operation in plan.operations)
