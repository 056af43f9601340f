"""A stack that another tool deployed, with plain names of its secrets and configs, and the same file's first up."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan

OWN = {"com.docker.stack.namespace": "shop"}
FILE = """
services: {web: {image: 'r.example/web:1', secrets: [s], configs: [c]}}
secrets: {s: {file: s}}
configs: {c: {file: c}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("s", "c"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"content of {name}")
    return tmp_path


def declared(fleet: FakeFleet, folder: Path) -> Declared:
    (folder / "stack.yaml").write_text(FILE)
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(folder / "stack.yaml", name="shop", environment={}))


def deployed_by_another_tool(fleet: FakeFleet, folder: Path, labels: dict[str, str]) -> None:
    wanted = declared(fleet, folder)
    run_once(fleet, Declared(wanted.inventory))
    engine = fleet.engine("A")
    files = {
        "Secret": engine.create("secrets", {"Name": "shop_s", "Labels": labels, "Data": "eA=="}),
        "Config": engine.create("configs", {"Name": "shop_c", "Labels": labels, "Data": "eA=="}),
    }
    references = {
        f"{kind}s": [{"File": {"Name": name}, f"{kind}ID": files[kind], f"{kind}Name": f"shop_{name[-1]}"}]
        for kind, name in (("Secret", "s"), ("Config", "/c"))
    }
    container = {"Image": "r.example/web:1", **references}
    spec = {"Name": "shop_web", "Labels": OWN, "TaskTemplate": {"ContainerSpec": container}, "Mode": {"Replicated": {}}}
    engine.create("services", spec)


def told(plan: Plan) -> list[str]:
    return [one.where for one in plan.warnings if one.code == "H78"]


def there(fleet: FakeFleet) -> set[str]:
    kinds = ("secrets", "configs")
    return {str(item["Spec"]["Name"]) for kind in kinds for item in fleet.engine("A").find(kind)}  # type: ignore[arg-type]


def test_the_plan_tells_which_secrets_and_configs_get_successors_and_the_next_change_takes_the_old_ones_away(
    fleet: FakeFleet, folder: Path
) -> None:
    deployed_by_another_tool(fleet, folder, OWN)
    first = plan_on(fleet, declared(fleet, folder))
    assert told(first) == ["shop_s", "shop_c"]
    assert "goes with the next change" in first.warnings[0].evidence
    run_once(fleet, declared(fleet, folder))
    assert {"shop_s", "shop_c"} <= there(fleet), "the way back needs them"
    again = plan_on(fleet, declared(fleet, folder))
    assert (again.is_empty, told(again)) == (True, [])
    (folder / "s").write_text("other")
    run_once(fleet, declared(fleet, folder))
    assert not {"shop_s", "shop_c"} & there(fleet)


def test_what_has_the_name_and_is_not_the_stack_s_own_stays_and_is_not_told_of(fleet: FakeFleet, folder: Path) -> None:
    deployed_by_another_tool(fleet, folder, {})
    for content in ("content of s", "second", "third"):
        (folder / "s").write_text(content)
        assert told(plan_on(fleet, declared(fleet, folder))) == []
        run_once(fleet, declared(fleet, folder))
    assert {"shop_s", "shop_c"} <= there(fleet)
