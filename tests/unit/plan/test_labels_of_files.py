"""Secrets and configs whose content stays and whose labels or driver are declared otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared


def declared(fleet: FakeFleet, folder: Path, secret: str) -> Declared:
    path = folder / "stack.yaml"
    (folder / "x").touch(mode=0o600)
    (folder / "x").write_text("content")
    path.write_text(f"services: {{web: {{image: 'r.example/web:1', secrets: [s]}}}}\nsecrets: {{s: {{{secret}}}}}\n")
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(path, name="shop", environment={}))


def live(fleet: FakeFleet) -> dict[str, Any]:
    (item,) = fleet.cluster.objects["secrets"].values()
    return dict(item["Spec"])


@pytest.mark.parametrize("source", ["file: x", "driver: vault"])
def test_new_labels_are_given_to_the_secret_that_is_there_and_its_services_stay(
    fleet: FakeFleet, tmp_path: Path, source: str
) -> None:
    run_once(fleet, declared(fleet, tmp_path, f'{source}, labels: {{a: "1", b: "1"}}'))
    before = live(fleet)
    changed = declared(fleet, tmp_path, f'{source}, labels: {{a: "2"}}')
    (operation,) = plan_on(fleet, changed).operations
    assert (operation.step.verb, operation.step.target) == ("update", before["Name"])
    assert [(one.path, one.old, one.new) for one in operation.step.changes] == [
        ("Labels.a", "1", "2"),
        ("Labels.b", "1", ""),
    ]
    run_once(fleet, changed)
    assert live(fleet) == {**before, "Labels": {**{k: v for k, v in before["Labels"].items() if k != "b"}, "a": "2"}}
    assert plan_on(fleet, changed).is_empty


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("driver: other, driver_opts: {path: a}", "driver: live vault, declared other ("),
        ("driver: vault, driver_opts: {path: b, key: c}", "other driver_opts: key, path ("),
        ("driver: vault, driver_opts: {path: a}, template_driver: golang", "template_driver: live (none), "),
    ],
)
def test_another_driver_of_a_secret_is_refused_as_the_engine_would_pass_over_it(
    fleet: FakeFleet, tmp_path: Path, now: str, told: str
) -> None:
    run_once(fleet, declared(fleet, tmp_path, "driver: vault, driver_opts: {path: a}"))
    (finding,) = plan_on(fleet, declared(fleet, tmp_path, now)).refusals
    assert (finding.code, finding.where) == ("B45", "shop_s")
    assert finding.evidence.startswith(told)


def test_labels_of_another_stacks_secret_stay(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, 'file: x, name: shared, labels: {a: "1"}'))
    (item,) = fleet.cluster.objects["secrets"].values()
    item["Spec"]["Labels"]["com.docker.stack.namespace"] = "other"
    assert plan_on(fleet, declared(fleet, tmp_path, 'file: x, name: shared, labels: {a: "2"}')).is_empty
