"""What a plan says of findings that came after it is what it says when it is made with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.finding import Finding
from swarmkit.observed.observe import observe
from swarmkit.plan import planner
from swarmkit.plan.declaration import Declared
from swarmkit.plan.planner import make_plan, with_found

WARNING = Finding("H41", "warning", "B", "ids are mapped", "userns-remap", "systemctl restart docker")
ERROR = Finding("H80", "error", "C", "the port is taken", "8080", "free it")
FINE = Finding("D01", "ok", "A", "all is well", "", "")


@pytest.fixture
def declared(fleet: FakeFleet, tmp_path: Path) -> Declared:
    """A file that lacks a service which runs: that is a warning of the plan's own."""
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    path = tmp_path / "stack.yaml"
    path.write_text("services: {a: {image: 'registry.example/i:1'}, b: {image: 'registry.example/i:1'}}")
    run_once(fleet, Declared(inventory, load_stack(path, name="s", environment={})))
    path.write_text("services: {a: {image: 'registry.example/i:2'}}")
    return Declared(inventory, load_stack(path, name="s", environment={}))


@pytest.mark.parametrize("overridden", [(), ("H80",)])
@pytest.mark.parametrize("found", [(), (WARNING,), (FINE, WARNING), (ERROR,), (ERROR, WARNING)])
def test_it_is_the_plan_that_is_made_with_them(
    fleet: FakeFleet, declared: Declared, found: tuple[Finding, ...], overridden: tuple[str, ...]
) -> None:
    declared = Declared(declared.inventory, declared.stack, overridden=frozenset(overridden))
    plan = make_plan(declared, observe(fleet, kernel="never"))
    assert "H77" in {one.code for one in plan.warnings}
    observed = observe(fleet, kernel="always")
    assert with_found(plan, declared, observed, found) == make_plan(declared, observed, found)


def test_what_a_kernel_lacks_refuses_it(fleet: FakeFleet, declared: Declared) -> None:
    plan = make_plan(declared, observe(fleet, kernel="never"))
    fleet.machine("B").kernel["esp"] = "no such module"
    assert [one.code for one in with_found(plan, declared, observe(fleet, kernel="always"), ()).refusals] == ["H04"]


def test_warnings_alone_have_nothing_planned_again(
    fleet: FakeFleet, declared: Declared, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = observe(fleet, kernel="always")
    plan = make_plan(declared, observed)
    monkeypatch.delattr(planner, "make_plan")
    assert with_found(plan, declared, observed, (WARNING,)).operations is plan.operations
