"""`network prune` on hosts in memory: what nothing uses goes, by a plan that names it, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.network_commands import Command, add_container, add_network, networks_of
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.network_filters import NetworkFilter
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.workflows.network_prune import prune
from swarmkit.workflows.network_run import NetworkRun
from swarmkit.workflows.terms import Terms


@pytest.fixture
def swarm(fleet: FakeFleet) -> FakeFleet:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))))
    return fleet


def summaries(plan: Plan) -> list[tuple[str, str]]:
    return [(operation.step.target, operation.step.summary) for operation in plan.operations]


def swarms(fleet: FakeFleet) -> set[str]:
    return {one["Name"] for one in fleet.engine("A").find("networks") if one["Scope"] == "swarm"}


def test_each_unused_network_of_each_host_is_named_and_removed(
    fleet: FakeFleet, command: Command, shown: list[Plan]
) -> None:
    for host, name in (("A", "app"), ("B", "app"), ("B", "busy"), ("C", "old"), ("C", "docker_gwbridge")):
        add_network(fleet, host, name)
    add_container(fleet, "B", "web", busy="10.1.0.2")
    assert command("prune").exception is None
    removed = [("A", "remove network app"), ("B", "remove network app"), ("C", "remove network old")]
    assert summaries(shown[0]) == removed
    (first, second, third) = shown[0].operations
    assert (second.step.after, third.step.after) == ({first.step.key}, {first.step.key, second.step.key})
    assert [networks_of(fleet, host) for host in "ABC"] == [set(), {"busy"}, {"docker_gwbridge"}]
    assert command("prune").exception is None
    assert summaries(shown[1]) == []


def test_the_swarm_s_network_and_the_manager_s_own_of_its_name_are_two_steps(
    swarm: FakeFleet, command: Command, shown: list[Plan]
) -> None:
    swarm.engine("A").create("networks", {"Name": "app", "Driver": "overlay"})
    add_network(swarm, "A", "app")
    assert command("prune").exception is None
    assert len({operation.step.key for operation in shown[0].operations}) == 2
    assert "app" not in swarms(swarm) | networks_of(swarm, "A")


@pytest.mark.usefixtures("command")
def test_nothing_is_removed_that_was_not_agreed_to(fleet: FakeFleet) -> None:
    add_network(fleet, "A", "app")
    inventory = Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))
    asked: list[Plan] = []
    refusing = NetworkRun(inventory, Terms(Silent(), lambda plan: bool(asked.append(plan))))
    assert prune(refusing, (), NetworkFilter()) is None
    assert summaries(asked[0]) == [("A", "remove network app")]
    assert networks_of(fleet, "A") == {"app"}


@pytest.mark.parametrize(
    ("raw", "container"),
    [
        ({}, {"app": "10.1.0.2"}),
        ({"Containers": {"ep-1": {"Name": "gone"}}}, {}),
        ({"ConfigOnly": True, "Driver": "null"}, {}),
    ],
)
def test_what_a_container_or_its_endpoint_or_a_network_needs_stays(
    fleet: FakeFleet, command: Command, raw: dict[str, Any], container: dict[str, str]
) -> None:
    add_network(fleet, "A", "app", **raw)
    add_container(fleet, "A", "web", **container)
    fleet.engine("A").containers["web"]["State"] = "exited"
    assert command("prune").exception is None
    assert networks_of(fleet, "A") == {"app"}


def test_of_the_swarms_networks_those_go_that_no_service_and_no_task_is_on(
    swarm: FakeFleet, command: Command, shown: list[Plan]
) -> None:
    engine = swarm.engine("A")
    made = {name: engine.create("networks", {"Name": name, "Driver": "overlay"}) for name in ("left", "old", "free")}
    attached = engine.create("networks", {"Name": "attached", "Driver": "overlay", "Attachable": True})
    engine.create(
        "networks", {"Name": "shop_gone", "Driver": "overlay", "Labels": {"com.docker.stack.namespace": "shop"}}
    )
    template = {"ContainerSpec": {"Image": "web:1"}, "Networks": [{"Target": made["left"]}]}
    engine.create("services", {"Name": "web", "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 0}}})
    before = {
        "Name": "aged",
        "TaskTemplate": {"ContainerSpec": {"Image": "web:1"}},
        "Networks": [{"Target": made["old"]}],
    }
    engine.create("services", {**before, "Mode": {"Replicated": {"Replicas": 0}}})
    # A container of a node that the inventory does not know.
    cluster = swarm.cluster
    cluster.look = lambda: None  # type: ignore[method-assign]
    cluster.tasks["t"] = {
        "ID": "t", "DesiredState": "running", "NetworksAttachments": [{"Network": {"ID": attached}}],
        "ServiceID": "", "NodeID": "elsewhere", "Status": {"State": "running"},
    }  # fmt: skip
    assert command("prune").exception is None
    assert summaries(shown[0]) == [("A", "remove network free"), ("A", "remove network shop_gone")]
    assert swarms(swarm) == {"ingress", "left", "old", "attached"}


def test_a_container_on_another_host_keeps_the_swarms_network(swarm: FakeFleet, command: Command) -> None:
    identity = swarm.engine("A").create("networks", {"Name": "wide", "Driver": "overlay", "Attachable": True})
    add_network(swarm, "B", "wide", Id=identity, Driver="overlay", Scope="swarm")
    add_container(swarm, "B", "web", wide="10.1.0.2")
    assert command("prune").exception is None
    assert "wide" in swarms(swarm)


def test_on_a_host_its_own_networks_alone_are_looked_at(swarm: FakeFleet, command: Command) -> None:
    swarm.engine("A").create("networks", {"Name": "wide", "Driver": "overlay"})
    add_network(swarm, "A", "app")
    add_network(swarm, "B", "app")
    assert command("prune", "--on", "A").exception is None
    assert (networks_of(swarm, "A"), networks_of(swarm, "B"), swarms(swarm)) == (set(), {"app"}, {"ingress", "wide"})


def test_filters_keep_what_they_do_not_name(fleet: FakeFleet, command: Command) -> None:
    for name, raw in {
        "old": {"Created": "2020-01-01T00:00:00Z", "Labels": {"team": "shop"}},
        "kept": {"Created": "2020-01-01T00:00:00Z", "Labels": {"team": "shop", "keep": ""}},
        "young": {"Created": "2999-01-01T00:00:00Z", "Labels": {"team": "shop"}},
        "other": {"Created": "2020-01-01T00:00:00Z"},
    }.items():
        add_network(fleet, "A", name, **raw)
    words = ("--filter", "until=24h", "--filter", "label=team=shop", "--filter", "label!=keep")
    assert command("prune", *words).exception is None
    assert networks_of(fleet, "A") == {"kept", "young", "other"}
