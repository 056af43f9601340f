"""Specs as ``docker stack deploy`` of CLI 28 makes them; the samples were read back from a 26.1 engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from fakes.running import plan_on
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import HealthCheck, Mount, Port, Service, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.plan.declaration import Declared
from swarmkit.plan.stacks.container_spec import effective_capabilities, familiar
from swarmkit.plan.stacks.spec import left_out_keys, network_spec, service_spec, unknown_mounts, with_ids
from swarmkit.plan.stacks.spec_diff import network_changes, spec_changes

SAMPLES = Path(__file__).parent / "samples"
NEW = (1, 45)
OLD = (1, 39)


@pytest.fixture
def everything() -> Stack:
    return load_stack(SAMPLES / "everything" / "stack.yaml", name="t1", environment={})


def spec_of(stack: Stack, name: str, **options: Any) -> dict[str, Any]:
    return service_spec(stack, stack.service(name), **{"images": {}, "api_version": NEW, **options})


def test_what_docker_deployed_from_the_same_file_is_no_change(everything: Stack) -> None:
    read_back = json.loads((SAMPLES / "everything" / "readback.json").read_text())
    observed = {spec["Name"]: spec for spec in read_back["services"]}
    assert len(observed) == len(everything.services)
    for service in everything.services:
        assert spec_changes(spec_of(everything, service.name), observed[f"t1_{service.name}"]) == ()
    networks = {network["Name"]: network for network in read_back["networks"]}
    for network in everything.networks:
        declared = network_spec(everything, network, encrypted=network.encrypted)
        assert network_changes(declared, networks[network.name]) == ()


def test_labels_and_names_are_those_of_a_stack(everything: Stack) -> None:
    spec = spec_of(everything, "frontend", images={"shop-frontend:1.0": "sha256:" + "a" * 64})
    assert spec["Name"] == "t1_frontend"
    assert spec["Labels"] == {"com.docker.stack.namespace": "t1", "com.docker.stack.image": "shop-frontend:1.0"}
    container = spec["TaskTemplate"]["ContainerSpec"]
    assert container["Image"] == "sha256:" + "a" * 64
    assert container["Labels"] == {"com.docker.stack.namespace": "t1"}


def test_a_health_check_that_says_nothing_is_sent_as_docker_sends_it(everything: Stack) -> None:
    silent = replace(everything.service("frontend"), health_check=HealthCheck(()))
    unchecked = replace(silent, health_check=None)
    containers = [
        service_spec(everything, service, images={}, api_version=NEW)["TaskTemplate"]["ContainerSpec"]
        for service in (silent, unchecked)
    ]
    assert containers[0]["Healthcheck"] == {}
    assert "Healthcheck" not in containers[1]


def test_ports_are_sent_by_published_port_else_in_the_order_of_the_file(everything: Stack) -> None:
    ports = (Port(80, 9342), Port(5000, None), Port(443, None), Port(53, 9341, "udp"), Port(53, 9341))
    service = replace(everything.service("frontend"), ports=ports)
    endpoint = service_spec(everything, service, images={}, api_version=NEW)["EndpointSpec"]
    sent = [(port["PublishedPort"], port["TargetPort"], port["Protocol"]) for port in endpoint["Ports"]]
    assert sent == [(0, 5000, "tcp"), (0, 443, "tcp"), (9341, 53, "udp"), (9341, 53, "tcp"), (9342, 80, "tcp")]


def test_networks_are_names_with_the_service_as_alias(everything: Stack) -> None:
    assert spec_of(everything, "backend")["TaskTemplate"]["Networks"] == [
        {"Target": "t1_back", "Aliases": ["backend"]},
        {"Target": "t1_front", "Aliases": ["api", "backend"]},
    ]


def test_a_predefined_network_has_no_aliases(everything: Stack) -> None:
    host = replace(everything.networks[0], key="front", name="host", external=True)
    stack = replace(everything, networks=(host, *everything.networks))
    stack = replace(stack, networks=tuple(n for n in stack.networks if n.key != "front" or n is host))
    networks = spec_of(stack, "frontend")["TaskTemplate"]["Networks"]
    assert {"Target": "host", "Aliases": []} in networks


def test_a_content_addressed_secret_keeps_its_target(everything: Stack) -> None:
    names = {"db_password": "t1_db_password-0123abcd"}
    container = spec_of(everything, "database", secret_names=names, config_names={"init": "t1_init-9"})["TaskTemplate"]
    (secret,) = container["ContainerSpec"]["Secrets"]
    assert secret == {
        "SecretName": "t1_db_password-0123abcd",
        "File": {"Name": "db", "UID": "70", "GID": "0", "Mode": 0o400},
    }
    assert container["ContainerSpec"]["Configs"][0]["ConfigName"] == "t1_init-9"


def test_ids_are_filled_in_and_the_plan_stays_as_it_was(everything: Stack) -> None:
    spec = spec_of(everything, "database")
    filled = with_ids(spec, {"t1_back": "n1"}, {"t1_db_password": "s1"}, {"t1_init": "c1"})
    container = filled["TaskTemplate"]["ContainerSpec"]
    assert filled["TaskTemplate"]["Networks"][0]["Target"] == "n1"
    assert (container["Secrets"][0]["SecretID"], container["Configs"][0]["ConfigID"]) == ("s1", "c1")
    assert "SecretID" not in json.dumps(spec)


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_a_name_without_an_id_is_told(everything: Stack, lacking: int) -> None:
    ids = [{"t1_back": "n1"}, {"t1_db_password": "s1"}, {"t1_init": "c1"}]
    ids[lacking] = {}
    with pytest.raises(SwarmkitError, match="is not in the swarm"):
        with_ids(spec_of(everything, "database"), *ids)


@pytest.mark.parametrize(
    ("api_version", "sent", "told"), [(NEW, "a/b", ()), ((1, 44), None, ("volumes.volume.subpath",))]
)
def test_a_folder_of_a_volume_is_sent_to_the_engines_that_know_it(
    everything: Stack, api_version: tuple[int, int], sent: str | None, told: tuple[str, ...]
) -> None:
    mount = Mount("volume", "/data", source=everything.volumes[0].key, subpath="a/b")
    service = Service("app", "app:1", mounts=(mount,))
    stack = replace(everything, services=(service,))
    (made,) = spec_of(stack, "app", api_version=api_version)["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert made["VolumeOptions"].get("Subpath") == sent
    assert left_out_keys(service, api_version=api_version) == told


@pytest.mark.parametrize(("kind", "old", "new"), [("cluster", (1, 41), (1, 42)), ("image", (1, 47), (1, 48))])
def test_a_mount_of_a_type_that_came_later_is_none_that_an_old_engine_makes(
    kind: Literal["cluster", "image"], old: tuple[int, int], new: tuple[int, int]
) -> None:
    mounting = Service("app", "app:1", mounts=(Mount(kind, "/data", source="v"), Mount("volume", "/other")))
    assert [unknown_mounts(mounting, api_version=version) for version in (old, new)] == [(kind,), ()]


def test_a_mount_of_an_image_is_sent_as_dockers_tool_sends_it(everything: Stack) -> None:
    mount = Mount("image", "/data", source="data:1", read_only=True)
    stack = replace(everything, services=(Service("app", "app:1", mounts=(mount,)),))
    made = spec_of(stack, "app")["TaskTemplate"]["ContainerSpec"]["Mounts"]
    assert made == [{"Type": "image", "Source": "data:1", "Target": "/data", "ReadOnly": True}]


def test_keys_an_old_engine_does_not_know_are_left_out_and_told(everything: Stack) -> None:
    spec = json.dumps([spec_of(everything, service.name, api_version=OLD) for service in everything.services])
    for key in ("StartInterval", "Sysctls", "CapabilityAdd", "CapabilityDrop", "Ulimits", "Pids", "MaxReplicas"):
        assert f'"{key}"' not in spec
    told = {key for service in everything.services for key in left_out_keys(service, api_version=OLD)}
    assert len(told) == 7
    assert left_out_keys(everything.service("database"), api_version=(1, 41)) == ("healthcheck.start_interval",)
    assert not any(left_out_keys(service, api_version=NEW) for service in everything.services)


def test_the_network_is_encrypted_when_policy_says_so(everything: Stack) -> None:
    back = next(network for network in everything.networks if network.key == "back")
    assert network_spec(everything, back, encrypted=True)["Options"] == {"encrypted": ""}
    assert network_spec(everything, back, encrypted=False)["Options"] == {}
    spec = network_spec(everything, next(n for n in everything.networks if n.key == "ips"), encrypted=False)
    assert spec["Name"] == "ipsnet"
    assert spec["IPAM"]["Config"] == [{"Subnet": "10.77.1.0/24"}]


def test_capabilities_are_spelt_as_the_engine_does() -> None:
    assert effective_capabilities(["net_admin", "CAP_NET_ADMIN"], ["ALL", "chown"]) == (["CAP_NET_ADMIN"], ["ALL"])
    assert effective_capabilities(["all", "chown"], ["chown"]) == (["ALL"], ["CAP_CHOWN"])
    assert effective_capabilities(["chown"], ["chown"]) == (["CAP_CHOWN"], [])


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("alpine", "alpine:latest"),
        ("docker.io/library/alpine:3", "alpine:3"),
        ("example.com:5000/a/b", "example.com:5000/a/b:latest"),
        ("a@sha256:" + "0" * 64, "a@sha256:" + "0" * 64),
        ("sha256:" + "0" * 64, "sha256:" + "0" * 64),
    ],
)
def test_images_are_named_as_docker_names_them(image: str, name: str) -> None:
    assert familiar(image) == name


def test_an_external_volume_gets_no_labels(everything: Stack) -> None:
    service = replace(everything.service("odd"), mounts=(Mount("volume", "/z", "ext"),))
    spec = service_spec(everything, service, images={}, api_version=NEW)
    assert spec["TaskTemplate"]["ContainerSpec"]["Mounts"] == [
        {"Type": "volume", "Target": "/z", "Source": "ext", "VolumeOptions": {}}
    ]


@pytest.mark.parametrize(("old", "codes"), [("A", {"H44"}), ("C", set())])
def test_what_a_manager_would_refuse_is_refused_and_no_workers_age_counts(
    fleet: FakeFleet, tmp_path: Path, old: str, codes: set[str]
) -> None:
    fleet.engine(old).api_version = (1, 41)
    path = tmp_path / "stack.yaml"
    mount = "{type: cluster, source: v, target: /d}"
    path.write_text(f"services: {{a: {{image: 'r.example/i:1', volumes: [{mount}]}}}}\nvolumes: {{v: }}\n")
    inventory = Inventory(Path("i.yaml"), "lab", tuple(reached.host for reached in fleet.values()))
    plan = plan_on(fleet, Declared(inventory, load_stack(path, environment={})))
    assert {one.code for one in plan.refusals} == codes
