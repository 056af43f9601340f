"""`network rm`, `connect`, `disconnect` and `ls -q` on hosts in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.network_commands import Command, add_container, add_network, networks_of
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError
from swarmkit.plan.declaration import Declared
from swarmkit.reach.engine import EngineError
from swarmkit.workflows.unfinished import RefusedError


def test_several_networks_are_removed_by_one_command(fleet: FakeFleet, command: Command) -> None:
    for host, name in (("A", "app"), ("B", "lan"), ("B", "lan-config"), ("B", "kept")):
        add_network(fleet, host, name, **({"ConfigFrom": {"Network": "lan-config"}} if name == "lan" else {}))
    done = command("rm", "app", "lan", "lan-config", "app")
    assert done.exception is None
    assert (networks_of(fleet, "A"), networks_of(fleet, "B")) == (set(), {"kept"})


@pytest.mark.parametrize(("second", "what"), [("busy", "in use"), ("gone", "no host has"), ("lan-config", "in use")])
def test_one_that_cannot_be_removed_keeps_all_of_them(
    fleet: FakeFleet, command: Command, second: str, what: str
) -> None:
    for name in ("app", "busy", "lan-config"):
        add_network(fleet, "A", name)
    add_network(fleet, "A", "lan", ConfigFrom={"Network": "lan-config"})
    add_container(fleet, "A", "web", busy="10.1.0.2")
    done = command("rm", "app", second, "lan")
    assert isinstance(done.exception, RefusedError)
    (refusal,) = done.exception.plan.refusals
    assert what in refusal.what
    assert networks_of(fleet, "A") == {"app", "busy", "lan", "lan-config"}


@pytest.mark.parametrize("state", ["exited", "dead", "created"])
def test_the_container_of_a_task_that_ended_is_on_no_network_and_one_that_only_stopped_is(
    fleet: FakeFleet, command: Command, state: str
) -> None:
    for name in ("app", "own"):
        add_network(fleet, "A", name)
    add_container(fleet, "A", "shop_web.1.old", state, app="")
    add_container(fleet, "A", "shop_web.1.new", app="10.1.0.3")
    add_container(fleet, "A", "mine", "exited", own="")
    for task in ("old", "new"):
        fleet.engine("A").containers[f"shop_web.1.{task}"]["Labels"] = {"com.docker.swarm.task.id": task}
    rows = {row["name"]: row["users"] for row in json.loads(command("ls", "--json").stdout)["networks"]}
    assert (rows["app"], rows["own"]) == (["shop_web.1.new@A"], ["mine@A"])
    del fleet.engine("A").containers["shop_web.1.new"]
    assert command("rm", "app").exception is None
    assert [one.evidence for one in refused(command("rm", "own"))] == ["mine"]
    assert networks_of(fleet, "A") == {"own"}


def test_networks_that_nothing_is_on_are_listed_and_removed_by_dockers_other_names(
    fleet: FakeFleet, command: Command
) -> None:
    for name in ("idle", "busy"):
        add_network(fleet, "A", name)
    add_container(fleet, "A", "web", busy="10.1.0.2")
    idle, used = (
        {row["name"] for row in json.loads(command("list", "--json", "-f", f"dangling={word}").stdout)["networks"]}
        for word in ("true", "false")
    )
    assert "idle" in idle
    assert "busy" not in idle
    assert "busy" in used
    assert not idle & used
    assert command("remove", "idle").exception is None
    assert networks_of(fleet, "A") == {"busy"}


def test_an_address_in_use_is_told_with_its_holder_before_the_engine_is_asked(
    fleet: FakeFleet, command: Command
) -> None:
    add_network(fleet, "A", "app")
    add_container(fleet, "A", "db", app="10.1.0.5")
    add_container(fleet, "A", "web")
    done = command("connect", "app", "web", "--on", "A", "--ip", "10.1.0.5")
    assert isinstance(done.exception, RefusedError)
    (refusal,) = done.exception.plan.refusals
    assert (refusal.what, refusal.evidence) == ("the address 10.1.0.5 is in use", "container db has it")
    assert attached(fleet, "web") == {}


def test_a_free_address_is_taken_and_is_no_refusal_of_its_own_holder(fleet: FakeFleet, command: Command) -> None:
    add_network(fleet, "A", "app")
    add_container(fleet, "A", "web")
    for _ in range(2):
        assert command("connect", "app", "web", "--on", "A", "--ip", "10.1.0.5").exception is None
    assert {name: its["IPAddress"] for name, its in attached(fleet, "web").items()} == {"app": "10.1.0.5"}


def test_a_stopped_container_is_on_no_network_that_is_not_there(fleet: FakeFleet, command: Command) -> None:
    add_container(fleet, "A", "web", "exited")
    (refusal,) = refused(command("connect", "gone", "web", "--on", "A"))
    assert refusal.what == "there is no network gone on A"
    assert attached(fleet, "web") == {}


def test_a_stopped_container_on_a_network_that_is_gone_is_told_though_another_has_its_name(
    fleet: FakeFleet, command: Command
) -> None:
    add_container(fleet, "A", "web", "exited", app="")
    said = refused(command("connect", "app", "web", "--on", "A"))
    assert [one.what.partition(":")[0] for one in said] == [
        "there is no network app on A",
        "web is on a network app that is gone",
    ]
    add_network(fleet, "A", "app")
    fleet.engine("A").containers["web"]["NetworkSettings"]["Networks"]["app"]["NetworkID"] = "its-old-id"
    (left,) = refused(command("connect", "app", "web", "--on", "A"))
    assert left.remedy == "swarmkit network disconnect app web --on A"
    assert command("disconnect", "app", "web", "--on", "A").exception is None
    assert command("connect", "app", "web", "--on", "A").exception is None


def test_an_overlay_that_only_the_managers_tell_of_is_there_for_a_workers_container(
    fleet: FakeFleet, command: Command
) -> None:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))))
    for name, attachable in (("wide", True), ("services", False)):
        fleet.engine("A").create("networks", {"Name": name, "Driver": "overlay", "Attachable": attachable})
    worker = next(host for host in fleet if not fleet.engine(host).is_manager)
    assert "wide" not in {one["Name"] for one in fleet.engine(worker).find("networks")}
    add_container(fleet, worker, "web", "exited")
    assert command("connect", "wide", "web", "--on", worker).exception is None
    assert set(fleet.engine(worker).containers["web"]["NetworkSettings"]["Networks"]) == {"wide"}
    (refusal,) = refused(command("connect", "services", "web", "--on", worker))
    assert "not attachable" in refusal.what


def refused(done: Any) -> Any:
    assert isinstance(done.exception, RefusedError), done.output
    return done.exception.plan.refusals


def attached(fleet: FakeFleet, container: str) -> Any:
    return fleet.engine("A").containers[container]["NetworkSettings"]["Networks"]


def test_a_container_that_is_gone_is_disconnected_by_force_alone(fleet: FakeFleet, command: Command) -> None:
    left = {"ep-1": {"Name": "web"}, "ep-2": {"Name": "db"}}
    add_network(fleet, "A", "app", Containers=left)
    assert isinstance(command("disconnect", "app", "web", "--on", "A").exception, EngineError)
    assert fleet.engine("A").config_networks["app"]["Containers"] == left
    for _ in range(2):
        assert command("disconnect", "-f", "app", "web", "--on", "A").exception is None
    assert fleet.engine("A").config_networks["app"]["Containers"] == {"ep-2": {"Name": "db"}}


def test_force_does_for_a_container_that_is_there_what_the_plain_command_does(
    fleet: FakeFleet, command: Command
) -> None:
    add_network(fleet, "A", "app")
    add_container(fleet, "A", "web", app="10.1.0.5", other="10.2.0.5")
    assert command("disconnect", "--force", "app", "web", "--on", "A").exception is None
    assert attached(fleet, "web") == {"other": {"IPAddress": "10.2.0.5"}}


def test_quiet_prints_each_networks_short_id_once(fleet: FakeFleet, command: Command) -> None:
    for host in ("A", "B"):
        add_network(fleet, host, "everywhere-and-long")
    said = command("ls", "-q").stdout.split()
    assert said.count("everywhere-a") == 1
    assert {"bridge-A", "bridge-C", "host-B"} <= set(said)
    assert isinstance(command("ls", "-q", "--json").exception, InputError)


def test_a_range_that_a_host_routes_is_made_when_the_operator_means_it(fleet: FakeFleet, command: Command) -> None:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))))
    shell = fleet["B"].shell
    assert isinstance(shell, FakeShell)
    shell.machine.routes.append(("10.0.0.0/8", "tun0"))
    wanted = ("create", "wide", "-d", "overlay", "--subnet", "10.30.0.0/24", "--yes")
    refused = command(*wanted)
    assert isinstance(refused.exception, RefusedError)
    assert [one.code for one in refused.exception.plan.refusals] == ["H28"]
    assert command(*wanted, "--override", "H28").exception is None
    assert "wide" in {one["Name"] for one in fleet.engine("A").find("networks")}
