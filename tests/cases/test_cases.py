"""YAML in, plan lines out: each file of this folder holds cases of one subject.

A case has ``hosts`` (changes to the three hosts A, B and C of ``LAB``), ``stack`` (changes to ``STACK``), ``before``
(what was applied earlier, in the same words), ``left_out`` (a host that the inventory no longer has), ``facts`` (what
is odd on a host) and ``options``; and either ``plan``
(all lines), ``refused`` or ``warned`` (code and place of each finding, and words of it).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet, write_archive
from ruamel.yaml import YAML

from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.stack.image_archive import read_image_archives
from swarmkit.declared.stack.reading import load_stack
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Operation, Plan

Json = dict[str, Any]
FOLDER = Path(__file__).parent


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


BASE: Json = read_yaml(FOLDER / "base.yaml")


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != "base.yaml":
            for name, case in read_yaml(path).items():
                yield pytest.param(case, id=f"{path.stem}: {name}")


def laid_over(base: Any, changes: Any) -> Any:
    """Return *base* with *changes*; a null takes a key away."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return copy.deepcopy(changes)
    kept = {key: value for key, value in base.items() if key not in changes}
    return copy.deepcopy(kept) | {
        key: laid_over(base.get(key, {}), value) for key, value in changes.items() if value is not None
    }


def declared(words: Json, folder: Path) -> Declared:
    folder.mkdir()
    yaml = YAML()
    hosts = laid_over(BASE["hosts"], words.get("hosts", {}))
    groups: Json = {"managers": {"hosts": {}}, "workers": {"hosts": {}}}
    for name, variables in hosts.items():
        groups[variables.pop("group")]["hosts"][name] = variables
    yaml.dump(
        {"all": {"vars": laid_over(BASE["vars"], words.get("vars", {})), "children": groups}},
        folder / "inventory.yaml",
    )
    for name, content in {"password.txt": "first", **words.get("files", {})}.items():
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    archives = {}
    if words.get("images"):
        (folder / "images").mkdir()
        for number, (tag, content) in enumerate(words["images"].items()):
            write_archive(folder / "images" / f"{number}.tar", tag, content)
        archives = read_image_archives(folder / "images")
    stack = None
    if words.get("stack", {}) is not None:
        yaml.dump(laid_over(BASE["stack"], words.get("stack", {})), folder / "stack.yaml")
        stack = load_stack(folder / "stack.yaml", name="shop", environment={})
    inventory = load_inventory(folder / "inventory.yaml", check_files=False, allow_even_managers=True)
    return Declared(inventory, stack, archives, **words.get("options", {}))


def change_facts(fleet: FakeFleet, facts: Json) -> None:
    for name, changes in facts.items():
        engine, machine = fleet.engine(name), fleet.machine(name)
        for key, value in changes.items():
            if key == "engine_version":
                engine.engine_version = value
            elif key in ("kernel", "modules"):
                getattr(machine, key).update(value)
            elif key == "routes":
                machine.routes = [tuple(route) for route in value]
            elif key == "in_swarm_labelled":
                engine.init_swarm({"AdvertiseAddr": next(iter(machine.addresses)), "Spec": {"Labels": value}})
            elif key == "leaves":
                engine.leave_swarm(force=True)
            elif key == "info":
                engine.info_changes = value
            elif key == "images":
                engine.images = value
            else:
                assert hasattr(machine, key), key
                setattr(machine, key, value)


def line(operation: Operation) -> str:
    step = operation.step
    reason = f" ({step.reason})" if step.reason else ""
    changes = "".join(f"; {one.path}: {one.old or 'nothing'} -> {one.new or 'nothing'}" for one in step.changes)
    return f"{step.target}: {step.summary}{reason}{changes}"


def assert_findings(found: tuple[Finding, ...], expected: list[Json]) -> None:
    said = [f"{one.code} {one.where}: {one.what}; {one.evidence}; {one.remedy}" for one in found]
    assert [(one.code, one.where) for one in found] == [(one["code"], one["where"]) for one in expected], said
    for text, one in zip(said, expected, strict=True):
        for words in one.get("says", []):
            assert words in text


def make(case: Json, folder: Path) -> Plan:
    now = declared(case, folder / "now")
    fleet = fake_fleet(now.inventory.with_leaving)
    if "before" in case:
        before = declared(case["before"] or {}, folder / "before")
        run_once(fleet.of(host.name for host in before.inventory.hosts), before)
    if "left_out" in case:
        hosts = tuple(host for host in now.inventory.hosts if host.name != case["left_out"])
        now = replace(now, inventory=replace(now.inventory, hosts=hosts))
        change_facts(fleet, case.get("facts", {}))
        return plan_on(fleet.of(host.name for host in hosts), now)
    change_facts(fleet, case.get("facts", {}))
    return plan_on(fleet, now)


@pytest.mark.parametrize("case", list(cases()))
def test_case(case: Json, tmp_path: Path) -> None:
    plan = make(case, tmp_path)
    assert_findings(plan.refusals, case.get("refused", []))
    if "warned" in case:
        assert_findings(plan.warnings, case["warned"])
    if "plan" in case:
        assert [line(operation) for operation in plan.operations] == case["plan"]
    else:
        assert "refused" in case
        assert plan.operations == ()
