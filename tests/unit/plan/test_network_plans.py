"""What `swarmkit network` plans, and what it refuses, from what the hosts have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.observed.networks import HostNetwork, networks_for
from swarmkit.observed.observe import observe
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Step
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.planner import plan_create, plan_remove
from swarmkit.plan.networks.refusals import address_refusals
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.progress import Silent
from swarmkit.reach.engine import Json, Kind

WISH = NetworkWish("app", subnets=("10.30.0.0/24",), gateways=("10.30.0.1",), labels={"team": "shop"})


@pytest.fixture
def observed(fleet: FakeFleet) -> Observed:
    return observe(fleet, kernel="never")


def seen(host: str = "A", name: str = "app", **changed: Any) -> HostNetwork:
    raw = {
        "Driver": "bridge",
        "Internal": False,
        "IPAM": {"Config": [{"Subnet": "10.30.0.0/24", "Gateway": "10.30.0.1"}]},
        "Labels": {"team": "shop"},
        **changed,
    }
    return HostNetwork(host, f"id-of-{name}-on-{host}", name, str(raw["Driver"]), "local", raw, {})


def test_a_network_is_made_on_each_chosen_host_that_lacks_it() -> None:
    plan = plan_create(WISH, ["A", "B"], [seen("A")], {})
    assert [operation.step.target for operation in plan.operations] == ["B"]


def test_a_network_that_is_as_asked_for_leaves_nothing_to_do() -> None:
    plan = plan_create(WISH, ["A"], [seen("A")], {})
    assert plan.is_empty
    assert not plan.refusals


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Driver": "macvlan"}, "driver is macvlan, not bridge"),
        ({"Internal": True}, "internal is true, not false"),
        ({"IPAM": {"Config": [{"Subnet": "10.31.0.0/24"}]}}, "subnet is 10.31.0.0/24, not 10.30.0.0/24"),
        ({"Labels": {}}, "labels.team is (none), not shop"),
    ],
)
def test_an_existing_network_with_other_settings_is_refused_with_the_difference(
    changed: dict[str, Any], said: str
) -> None:
    (refusal,) = plan_create(WISH, ["A"], [seen("A", **changed)], {}).refusals
    assert said in refusal.evidence
    assert "network rm app" in refusal.remedy


@pytest.mark.parametrize("value", ["", "true", "false"])
def test_an_overlay_is_encrypted_by_the_option_whatever_its_value(value: str) -> None:
    live = {"Driver": "overlay", "IPAM": {}, "Labels": {}, "Options": {"encrypted": value}}
    assert NetworkWish("app", driver="overlay", options={"encrypted": ""}).differences(live) == ()
    (change,) = NetworkWish("app", driver="overlay").differences(live)
    assert (change.path, change.old, change.new) == ("encrypted", "yes", "no")
    (change,) = NetworkWish("app", driver="overlay", options={"encrypted": ""}).differences({**live, "Options": {}})
    assert (change.old, change.new) == ("no", "yes")


def test_a_macvlan_may_share_the_hosts_range_but_needs_its_parent(observed: Observed) -> None:
    route = observed.hosts["A"].system.routes[0].destination
    wish = NetworkWish("lan", driver="macvlan", subnets=(route,), options={"parent": "eth7"})
    assert not plan_create(wish, ["A"], [], {}).refusals
    (refusal,) = plan_create(wish, ["A"], [], {"A": "eth7"}).refusals
    assert "eth7" in refusal.what


@pytest.mark.parametrize(
    ("host", "gateway", "codes"), [("A", "10.88.0.1", ["D12"]), ("A", "10.88.0.2", []), ("B", "10.88.0.1", [])]
)
def test_the_gateway_of_another_network_of_the_range_is_refused(host: str, gateway: str, codes: list[str]) -> None:
    other = seen("A", "other", IPAM={"Config": [{"Subnet": "10.88.0.0/24", "Gateway": "10.88.0.1"}]})
    wish = NetworkWish("lan", driver="macvlan", subnets=("10.88.0.0/24",), gateways=(gateway,))
    assert [one.code for one in plan_create(wish, [host], [other], {}).refusals] == codes


def test_a_network_in_use_is_not_removed_and_its_users_are_named() -> None:
    (refusal,) = plan_remove("app", ["A"], [seen()], {"A": ["web", "service shop_api"]}).refusals
    assert refusal.evidence == "web, service shop_api"


@pytest.mark.parametrize("name", ["bridge", "host", "none", "ingress", "docker_gwbridge"])
def test_the_engines_own_networks_are_neither_made_nor_removed(name: str) -> None:
    assert plan_create(NetworkWish(name), ["A"], [], {}).refusals
    assert plan_remove(name, ["A"], [seen(name=name)], {}).refusals


def test_a_name_that_no_host_knows_is_refused() -> None:
    assert "no host has a network gone" in plan_remove("gone", ["A"], [seen()], {}).refusals[0].what


def test_an_overlay_that_the_leader_has_not_seen_to_yet_is_looked_at_again(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(fleet, Declared(Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))))
    engine = fleet.engine("A")
    inspect, looks = engine.inspect, []

    def late(kind: Kind, identity: str) -> Json:
        looks.append(identity)
        return {**inspect(kind, identity), **({"Driver": ""} if len(looks) == 1 else {})}

    monkeypatch.setattr(engine, "inspect", late)
    step = Step("network:wide", "network", "create", "A", "create network wide")
    wish = NetworkWish("wide", driver="overlay", scope="swarm")
    CreateHostNetwork(step, "A", wish).run(Context(fleet, Silent(), "A"))
    assert len(looks) == 2


ASKED = NetworkWish(
    "wide",
    driver="overlay",
    subnets=("10.40.0.0/24", "10.41.0.0/24"),
    gateways=("10.40.0.9",),
    options={"com.docker.network.driver.mtu": "1300"},
    labels={"team": "shop"},
    internal=True,
    attachable=True,
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Name": "other"}, "name is other, not wide"),
        ({"Scope": "local"}, "scope is local, not swarm"),
        ({"Options": {}}, "options.com.docker.network.driver.mtu is (none), not 1300"),
        ({"Labels": None}, "labels.team is (none), not shop"),
        ({"Internal": False}, "internal is false, not true"),
        ({"Attachable": False}, "attachable is false, not true"),
        ({"EnableIPv6": True}, "enableipv6 is true, not false"),
        (
            {"IPAM": {"Config": [{"Subnet": "10.40.0.0/24", "Gateway": "10.40.0.9"}]}},
            "subnet is 10.40.0.0/24, not 10.40.0.0/24, 10.41.0.0/24",
        ),
        (
            {"IPAM": {"Config": [{"Subnet": "10.40.0.0/24", "Gateway": "10.40.0.1"}, {"Subnet": "10.41.0.0/24"}]}},
            "gateway is 10.40.0.1, not 10.40.0.9",
        ),
    ],
)
def test_what_the_engine_made_otherwise_than_asked_for_is_told(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(SwarmkitError) as caught:
        made(fleet, monkeypatch, changed)
    assert caught.value.why == said


def test_the_engines_own_gateway_and_order_of_subnets_are_as_asked_for(
    fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [{"Subnet": "10.41.0.0/24", "Gateway": "10.41.0.1"}, {"Subnet": "10.40.0.0/24", "Gateway": "10.40.0.9"}]
    assert made(fleet, monkeypatch, {"IPAM": {"Config": entries}}) == "10.41.0.0/24, 10.40.0.0/24"


def made(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]) -> str:
    """Make ASKED on an engine that then tells of it with *changed*."""
    monkeypatch.setattr("swarmkit.plan.networks.operations.MADE_TIMEOUT_SECONDS", 0.0)
    run_once(fleet, Declared(Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))))
    engine = fleet.engine("A")
    inspect = engine.inspect
    monkeypatch.setattr(engine, "inspect", lambda kind, identity: {**inspect(kind, identity), **changed})
    step = Step("network:wide", "network", "create", "A", "create network wide")
    return CreateHostNetwork(step, "A", ASKED).run(Context(fleet, Silent(), "A"))


def test_an_address_of_the_swarms_network_is_in_use_on_whichever_host_has_it() -> None:
    def part(host: str, **users: str) -> HostNetwork:
        return HostNetwork(host, "id-of-wide", "wide", "overlay", "swarm", {}, users)

    (network,) = networks_for("C", [part("A", web="10.40.0.5"), part("B", db="10.40.0.6")])
    (refusal,) = address_refusals("C", "10.40.0.6", network, answered=False)
    assert (refusal.code, refusal.evidence) == ("D12", "container db@B has it")
    assert not list(address_refusals("C", "10.40.0.7", network, answered=False))
