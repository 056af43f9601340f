"""Published ports that go from one service of a stack to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Operation
from swarmkit.plan.planner import make_plan
from swarmkit.plan.stacks.handover import handed_over
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan

INVENTORY = Inventory(Path("i.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))


@pytest.fixture
def fleet() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    for engine in fleet.engines:
        engine.images["sha256:1"] = ["r.example/web:1"]
    return fleet


def declared(folder: Path, prune: bool = False, **ports: str) -> Declared:
    services = ", ".join(f"{name}: {{image: 'r.example/web:1', ports: [{said}]}}" for name, said in ports.items())
    path = folder / "s.yaml"
    path.write_text(f"services: {{{services}}}\n")
    return Declared(INVENTORY, load_stack(path, environment={}), prune=prune)


def changes(fleet: FakeFleet, wish: Declared) -> tuple[dict[str, Operation], frozenset[tuple[str, str, str]]]:
    observed = observe(fleet, kernel="never")
    plan = make_plan(wish, observed)
    assert not plan.refusals
    assert observed.cluster
    seen = set[str]()
    for operation in plan.operations:
        assert operation.step.after <= seen | {"networks"}, operation.step
        seen.add(operation.step.key)
    found = {op.step.target: op for op in plan.operations if op.step.verb != "wait" and op.step.subject == "service"}
    return found, handed_over(plan.operations, observed.cluster.services)


def test_a_service_that_is_renamed_is_made_after_the_old_one_is_gone(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, web="'8080:80'"))
    made, given = changes(fleet, declared(tmp_path, prune=True, front="'8080:80'"))
    assert made["s_web"].step.key in made["s_front"].step.after
    assert given == {("s_front", "s_web", "8080/tcp")}
    run_once(fleet, declared(tmp_path, prune=True, front="'8080:80'"))


def test_without_prune_nobody_gives_the_port_up(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, web="'8080:80'"))
    assert changes(fleet, declared(tmp_path, front="'8080:80'"))[1] == frozenset()


def test_a_port_that_moves_is_taken_after_it_was_let_go(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, a="'8080:80'", b="'9090:80'"))
    made, given = changes(fleet, declared(tmp_path, a="'7070:80'", b="'8080:80'"))
    assert made["s_a"].step.key in made["s_b"].step.after
    assert given == {("s_b", "s_a", "8080/tcp")}


def test_two_that_change_places_are_told_as_taken(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, a="'8080:80'", b="'9090:80'"))
    given = changes(fleet, declared(tmp_path, a="'9090:80'", b="'8080:80'"))[1]
    assert len(given) == 1


def test_what_gives_up_no_port_goes_last_as_ever(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, web="'8080:80'"))
    made, _ = changes(fleet, replace(declared(tmp_path, front="'9090:80'"), prune=True))
    assert made["s_front"].step.key in made["s_web"].step.after


def test_a_port_in_host_mode_is_handed_over_too(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, web="{target: 80, published: 8080, mode: host}"))
    made, given = changes(fleet, declared(tmp_path, prune=True, front="{target: 80, published: 8080, mode: host}"))
    assert made["s_web"].step.key in made["s_front"].step.after
    assert given == {("s_front", "s_web", "8080/tcp")}


def test_the_way_back_hands_a_port_over_as_well(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(tmp_path, a="'8080:80'", b="'9090:80'", web="'6060:80'"))
    run_once(fleet, declared(tmp_path, prune=True, a="'7070:80'", b="'8080:80'", front="'6060:80'"))
    observed = observe(fleet, kernel="never")
    plan, _ = make_rollback_plan(INVENTORY, "s", observed, {})
    assert not plan.refusals
    seen = set[str]()
    for operation in plan.operations:
        assert operation.step.after <= seen, operation.step
        seen.add(operation.step.key)
    after = {op.step.target: op.step.after for op in plan.operations if op.step.verb in ("create", "update")}
    assert "service:s_b" in after["s_a"]
    assert "remove:service:s_front" in after["s_web"]
    assert not [op.step for op in plan.operations if op.step.verb == "wait" and op.step.target == "s_front"]
