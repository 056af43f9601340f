"""With prune goes what the stack has made and its file no longer has; nothing of others, and nothing still needed."""

from __future__ import annotations

from pathlib import Path

from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared

WHOLE = """
services:
  web: {image: 'r.example/web:1', networks: [front, back], secrets: [key], configs: [page]}
  api: {image: 'r.example/api:1', networks: [back]}
networks: {front: {}, back: {}}
secrets: {key: {file: key}}
configs: {page: {file: page}}
"""
LEFT = "services:\n  web: {image: 'r.example/web:VERSION', networks: [front]}\nnetworks: {front: {}}\n"
OF_OTHERS = {"Name": "shop_theirs", "Driver": "overlay", "Labels": {"com.docker.stack.namespace": "other"}}


def declared(fleet: FakeFleet, folder: Path, text: str, *, prune: bool = True) -> Declared:
    for name in ("key", "page"):
        (folder / name).write_text(name)
    (folder / "shop.yaml").write_text(text)
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(folder / "shop.yaml", environment={}), prune=prune)


def names(fleet: FakeFleet, kind: str) -> set[str]:
    items = fleet.cluster.objects[kind].values()  # type: ignore[index]
    return {str(item.get("Name") or item["Spec"]["Name"]).partition("-")[0] for item in items} - {"ingress"}


def test_what_left_the_file_goes_and_what_ran_before_only_after_the_next_change(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    run_once(fleet, declared(fleet, tmp_path, WHOLE))
    fleet.engine("A").create("networks", OF_OTHERS)
    fleet.engine("A").create("secrets", {"Name": "shop_by_hand", "Data": "eA==", "Labels": {}})
    left = declared(fleet, tmp_path, LEFT.replace("VERSION", "1"))
    plan, applied = run_once(fleet, left)
    assert not applied.failed
    removed = {op.step.key: op.step for op in plan.operations if op.step.verb == "remove"}
    assert removed.keys() - {"remove:config:shop.before-1"} == {"remove:service:shop_api", "remove:network:shop_back"}
    assert {"remove:service:shop_api", "service:shop_web", "unused:shop_back"} <= removed[
        "remove:network:shop_back"
    ].after
    assert names(fleet, "networks") == {"shop_front", "shop_theirs"}
    assert "shop_key" in names(fleet, "secrets"), "swarmkit rollback needs it"
    assert plan_on(fleet, left).is_empty
    run_once(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "2")))
    assert names(fleet, "secrets") == {"shop_by_hand"}
    assert not any(name.startswith("shop_page") for name in names(fleet, "configs"))
    assert plan_on(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "2"))).is_empty


def test_without_prune_nothing_goes(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, WHOLE))
    plan, _ = run_once(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "1"), prune=False))
    assert not [op for op in plan.operations if op.step.verb == "remove" and op.step.subject != "config"]
    assert names(fleet, "networks") == {"shop_front", "shop_back"}


def test_a_network_that_another_stacks_service_is_on_stays(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, WHOLE))
    (back,) = [one for one in fleet.cluster.objects["networks"].values() if one["Name"] == "shop_back"]
    guest = {
        "Name": "guest", "Labels": {}, "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": "x:1"}, "Networks": [{"Target": back["Id"]}]},
    }  # fmt: skip
    fleet.engine("A").create("services", guest)
    _, applied = run_once(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "1")))
    assert not applied.failed
    assert "shop_back" in names(fleet, "networks")


LAN = """
services:
  web: {image: 'r.example/web:1', networks: [front, lan]}
  api: {image: 'r.example/api:1', networks: [lan]}
networks:
  front: {}
  lan: {driver: macvlan, ipam: {config: [{subnet: 10.88.0.0/24}]}, x-swarmkit: {parent: eth0, range: 10.88.0.128/25}}
"""
ONE_LEFT = LAN.replace("[front, lan]", "[front]")


def test_a_macvlan_goes_from_the_swarm_and_then_from_each_host(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, LAN))
    plan, applied = run_once(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "1")))
    assert not applied.failed
    steps = {op.step.key: op.step for op in plan.operations}
    assert "unused:shop_lan" in steps["remove:network:shop_lan"].after
    assert "service:shop_web" in steps["unused:shop_lan"].after
    for host in "ABC":
        assert steps[f"remove:network:shop_lan-config@{host}"].after == {"gone:shop_lan"}
        assert not fleet.engine(host).config_networks
    assert names(fleet, "networks") == {"shop_front"}
    assert plan_on(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "1"))).is_empty


def test_a_macvlan_that_the_file_or_another_stacks_service_has_stays(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, LAN))
    run_once(fleet, declared(fleet, tmp_path, ONE_LEFT))
    assert names(fleet, "networks") == {"shop_front", "shop_lan"}
    (lan,) = [one for one in fleet.cluster.objects["networks"].values() if one["Name"] == "shop_lan"]
    guest = {
        "Name": "guest", "Labels": {}, "Mode": {"Replicated": {"Replicas": 1}},
        "TaskTemplate": {"ContainerSpec": {"Image": "x:1"}, "Networks": [{"Target": lan["Id"]}]},
    }  # fmt: skip
    fleet.engine("A").create("services", guest)
    run_once(fleet, declared(fleet, tmp_path, LEFT.replace("VERSION", "1")))
    assert names(fleet, "networks") == {"shop_front", "shop_lan"}
    assert all(fleet.engine(host).config_networks for host in "ABC")
