"""How addresses are given out: sent as by Docker's tool, compared with what is there, refused where it cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.networks.planner import plan_create
from swarmkit.plan.networks.wish import NetworkWish

WISH = NetworkWish(
    "app",
    subnets=("10.1.0.0/24", "fd00:1::/64"),
    gateways=("10.1.0.1",),
    aux_addresses=({"router": "10.1.0.254", "printer": "10.1.0.7"}, {}),
    ipam_driver="default",
    ipam_options={"team": "shop"},
    ipv6=True,
)
LIVE = {
    "Driver": "default",
    "Options": {"team": "shop", "com.docker.network.ipam.serial": "true"},
    "Config": [
        {
            "Subnet": "10.1.0.0/24",
            "Gateway": "10.1.0.1",
            "AuxiliaryAddresses": {"printer": "10.1.0.7", "router": "10.1.0.254"},
        },
        {"Subnet": "fd00:1::/64", "Gateway": "fd00:1::1"},
    ],
}


def test_the_body_is_what_dockers_tool_sends() -> None:
    assert WISH.body["IPAM"] == {
        "Driver": "default",
        "Options": {"team": "shop"},
        "Config": [
            {
                "Subnet": "10.1.0.0/24",
                "Gateway": "10.1.0.1",
                "AuxiliaryAddresses": {"router": "10.1.0.254", "printer": "10.1.0.7"},
            },
            {"Subnet": "fd00:1::/64"},
        ],
    }
    assert "IPAM" not in NetworkWish("app").body
    assert NetworkWish("app", ipam_driver="null").body["IPAM"] == {"Driver": "null", "Config": []}
    assert NetworkWish("mesh", "overlay", ingress=True).body["Ingress"] is True
    assert "Ingress" not in WISH.body


def differences(**ipam: Any) -> list[str]:
    changes = WISH.differences({"Driver": "bridge", "EnableIPv6": True, "IPAM": {**LIVE, **ipam}})
    return [f"{change.path} is {change.old}, not {change.new}" for change in changes]


def test_what_is_as_asked_for_differs_in_nothing() -> None:
    assert differences() == []


@pytest.mark.parametrize(
    ("ipam", "said"),
    [
        ({"Driver": "other"}, ["ipam driver is other, not default"]),
        ({"Options": None}, ["ipam options.team is (none), not shop"]),
        (
            {"Config": [{**LIVE["Config"][0], "AuxiliaryAddresses": {"router": "10.1.0.9"}}, LIVE["Config"][1]]},  # type: ignore[index]
            ["aux-address.router is 10.1.0.9, not 10.1.0.254", "aux-address.printer is (none), not 10.1.0.7"],
        ),
    ],
)
def test_each_thing_that_differs_is_named(ipam: dict[str, Any], said: list[str]) -> None:
    assert differences(**ipam) == said


def test_what_was_not_said_is_not_compared() -> None:
    plain = NetworkWish("app", subnets=("10.1.0.0/24", "fd00:1::/64"), ipv6=True)
    assert plain.differences({"Driver": "bridge", "EnableIPv6": True, "IPAM": {**LIVE, "Driver": "other"}}) == ()


def seen(host: str, name: str, *, ingress: bool = False) -> HostNetwork:
    raw = {"Driver": "overlay", "Ingress": ingress, "Options": {}}
    return HostNetwork(host, f"id-{name}", name, "overlay", "swarm", raw, {})


def test_a_driver_of_addresses_that_a_host_lacks_is_told_with_the_host() -> None:
    wish = NetworkWish("app", ipam_driver="acme/ipam")
    assert not plan_create(wish, ["A", "B"], [], {}).refusals
    (refusal,) = plan_create(wish, ["A", "B"], [], {}, ["B"]).refusals
    assert (refusal.where, "acme/ipam" in refusal.what) == ("B", True)
    assert "swarm" not in refusal.evidence


def test_of_the_swarms_networks_every_host_that_lacks_the_driver_counts() -> None:
    (refusal,) = plan_create(NetworkWish("wide", "overlay", ipam_driver="acme"), ["A"], [], {}, ["C", "B"]).refusals
    assert refusal.where == "B, C"
    assert "a swarm takes no plugin" in refusal.evidence


def test_a_swarm_has_one_ingress_network() -> None:
    mesh = NetworkWish("mesh", "overlay", ingress=True)
    there = [seen("A", "ingress", ingress=True), seen("B", "ingress", ingress=True), seen("A", "wide")]
    (refusal,) = plan_create(mesh, ["A"], there, {}).refusals
    assert refusal.what == "the swarm has an ingress network already: ingress"
    assert not plan_create(NetworkWish("other", "overlay"), ["A"], there, {}).refusals
    plan = plan_create(mesh, ["A"], [seen("A", "wide")], {})
    assert [operation.step.target for operation in plan.operations] == ["A", "ingress"]
    assert "have each node take ingress up" in plan.operations[1].step.summary


def test_an_ingress_network_that_is_there_is_nothing_to_do_and_another_of_its_name_is_refused() -> None:
    mesh = NetworkWish("mesh", "overlay", ingress=True)
    plan = plan_create(mesh, ["A"], [seen("A", "mesh", ingress=True)], {})
    assert (plan.is_empty, plan.refusals, plan.warnings) == (True, (), ())
    (refusal,) = plan_create(mesh, ["A"], [seen("A", "mesh")], {}).refusals
    assert refusal.evidence == "ingress is false, not true"


def test_only_an_ingress_network_may_have_the_name_of_the_engines_own() -> None:
    assert not plan_create(NetworkWish("ingress", "overlay", ingress=True), ["A"], [], {}).refusals
    assert plan_create(NetworkWish("ingress", "overlay"), ["A"], [], {}).refusals
    assert plan_create(NetworkWish("docker_gwbridge", "overlay", ingress=True), ["A"], [], {}).refusals
