"""What the comparison of two stacks passes over is what its table names, and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parity.differences import NAMESPACE, PASSED_OVER, by_stack, differences, numbers_of

from swarmkit.declared.stack.service import Network, Stack
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS

LABELS = {NAMESPACE: "s"}
FILES = [{"SecretName": "s_b-0123456789ab", "SecretID": "1"}, {"SecretName": "s_a-0123456789ab", "SecretID": "2"}]
CONTAINER = {"Secrets": FILES, "Privileges": {"CredentialSpec": {"Config": "7"}}, "Configs": []}
CONTAINER["Configs"] = [{"ConfigName": "s_c-0123456789ab", "ConfigID": "7"}]
SPEC = {"Name": "s_web", "Labels": LABELS, "TaskTemplate": {"ContainerSpec": CONTAINER, "Networks": [{"Target": "n1"}]}}
NETWORK = {
    "Id": "n1", "Name": "s_n", "Created": "then", "Driver": "overlay", "Options": {}, "Labels": LABELS,
    "Scope": "swarm", "Attachable": False, "Internal": False, "EnableIPv6": False, "ConfigOnly": False,
    "IPAM": {"Config": [{"Subnet": "172.28.0.0/24", "Gateway": "172.28.0.1"}, {"Subnet": "172.29.0.0/24"}]},
}  # fmt: skip
SECRET = {"ID": "2", "Spec": {"Name": "s_a-0123456789ab", "Labels": LABELS}}
RAW: dict[str, list[Any]] = {
    "services": [{"ID": "w", "Version": {"Index": 1}, "Spec": SPEC}],
    "networks": [NETWORK, {**NETWORK, "Id": "n2", "Name": "s_pool", "IPAM": {"Config": [{"Subnet": "10.0.7.0/24"}]}}],
    "secrets": [SECRET],
    "configs": [],
}
Change = Callable[[dict[str, Any]], None]


def fresh() -> dict[str, Any]:
    """Return RAW as an engine tells it: no two objects share a part."""
    return dict(json.loads(json.dumps(RAW)))


def compared(change: Change) -> list[str]:
    """Return how the stack differs from itself with *change*."""
    other = fresh()
    change(other)
    names = {one["Id"]: one["Name"] for one in other["networks"]}
    left = by_stack(fresh(), {"n1": "s_n", "n2": "s_pool"})
    return differences(left["s"], by_stack(other, names)["s"])


def container(raw: dict[str, Any]) -> Any:
    return raw["services"][0]["Spec"]["TaskTemplate"]["ContainerSpec"]


def new_ids(raw: dict[str, Any]) -> None:
    for number, one in enumerate(container(raw)["Secrets"]):
        one["SecretID"] = f"new-{number}"
    container(raw)["Configs"][0]["ConfigID"] = container(raw)["Privileges"]["CredentialSpec"]["Config"] = "new"


def new_network_id(raw: dict[str, Any]) -> None:
    raw["networks"][0]["Id"] = "n9"
    raw["services"][0]["Spec"]["TaskTemplate"]["Networks"][0]["Target"] = "n9"


def plain_names(raw: dict[str, Any]) -> None:
    raw["secrets"][0]["Spec"]["Name"] = "s_a"
    container(raw)["Secrets"][1]["SecretName"] = "s_a"


def ipam(raw: dict[str, Any], network: int = 0) -> Any:
    return raw["networks"][network]["IPAM"]["Config"]


PASSED: dict[str, Change] = {
    "services: all but Spec": lambda raw: raw["services"][0].update(Version={"Index": 2}),
    "networks: Id, Created, Peers, Containers": lambda raw: raw["networks"][0].update(Created="now", Peers=[1]),
    "networks: ConfigFrom, ConfigOnly, Ingress": lambda raw: raw["networks"][0].update(ConfigOnly=True, Ingress=True),
    "networks: IPAM.Config.Gateway, IPRange, AuxiliaryAddresses": lambda raw: ipam(raw)[0].update(Gateway="172.28.0.9"),
    "networks: IPAM.Config, order of subnets": lambda raw: ipam(raw).reverse(),
    "networks: IPAM.Config from the pool": lambda raw: ipam(raw, 1)[0].update(Subnet="10.0.8.0/24"),
    "services: Networks.Target": new_network_id,
    "services: SecretID, ConfigID": new_ids,
    "secrets, configs: the hash that ends a name": plain_names,
    "services: order of Secrets, Configs": lambda raw: container(raw)["Secrets"].reverse(),
    "objects without a stack's label": lambda raw: raw["networks"].append({**NETWORK, "Id": "n3", "Labels": None}),
}


@pytest.mark.parametrize("what", PASSED_OVER)
def test_what_the_table_names_is_passed_over(what: str) -> None:
    assert compared(PASSED[what]) == []


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("services.s_web.Name", lambda raw: raw["services"][0]["Spec"].update(Mode={"Global": {}})),
        ("networks.s_n.Internal", lambda raw: raw["networks"][0].update(Internal=True)),
        ("networks.s_n.IPAM.Config", lambda raw: ipam(raw)[0].update(Subnet="172.30.0.0/24")),
        (
            "services.s_web.TaskTemplate.Networks",
            lambda raw: raw["services"][0]["Spec"]["TaskTemplate"].update(Networks=[]),
        ),
        ("services.s_web.TaskTemplate", lambda raw: container(raw)["Secrets"][0].update(SecretName="s_z")),
        ("secrets.s_a.Labels", lambda raw: raw["secrets"][0]["Spec"]["Labels"].update(more="")),
    ],
)
def test_what_stands_beside_it_is_compared(field: str, change: Change) -> None:
    (told,) = compared(change)
    assert told.startswith(field.removesuffix(".Name"))


def test_a_vxlan_number_may_differ_only_where_the_file_declares_none() -> None:
    numbered = Network("n", "s_n", driver_options={VXLAN_NUMBERS: "7001"})
    stack = Stack(Path("s.yaml"), "s", (), (numbered, Network("free", "s_free")))
    docker, ours = (
        {"networks": {name: {"Options": {VXLAN_NUMBERS: number}} for name in ("s_n", "s_free")}}
        for number in ("7001", "4097")
    )
    (differing,) = differences(docker, ours, numbers_of(stack))
    assert differing.startswith(f"networks.s_n.Options.{VXLAN_NUMBERS}: docker")
    assert differences(docker, ours) == []
