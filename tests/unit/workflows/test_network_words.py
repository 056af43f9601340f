"""Words of `network create`, `connect`, `rm`, `ls` and `inspect` on hosts in memory."""

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
from swarmkit.observed.ingress import has_ingress
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.reach.ssh import CommandResult
from swarmkit.workflows.unfinished import RefusedError

SUBNETS = ("--subnet", "10.1.0.0/24", "--subnet", "10.2.0.0/24")


@pytest.fixture
def swarm(fleet: FakeFleet) -> FakeFleet:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))))
    return fleet


def refusal(done: Any) -> Any:
    assert isinstance(done.exception, RefusedError), done.output
    (found,) = done.exception.plan.refusals
    return found


def test_auxiliary_addresses_and_the_drivers_options_are_made_and_read_back(fleet: FakeFleet, command: Command) -> None:
    words = ("--aux-address", "printer=10.2.0.7", "--aux-address", "router=10.1.0.254", "--ipam-opt", "team=shop")
    for _ in range(2):
        assert command("create", "app", "--on", "B", *SUBNETS, *words).exception is None
    made = fleet.engine("B").inspect("networks", "app")["IPAM"]
    assert [entry["AuxiliaryAddresses"] for entry in made["Config"]] == [
        {"router": "10.1.0.254"},
        {"printer": "10.2.0.7"},
    ]
    assert (made["Driver"], made["Options"]) == ("default", {"team": "shop"})
    other = command("create", "app", "--on", "B", *SUBNETS, "--aux-address", "printer=10.2.0.8")
    assert refusal(other).evidence == "aux-address.printer is 10.2.0.7, not 10.2.0.8"
    assert networks_of(fleet, "A") == set()


def test_a_machine_of_the_lan_may_have_an_auxiliary_address_and_no_other(fleet: FakeFleet, command: Command) -> None:
    shell = fleet["A"].shell
    assert isinstance(shell, FakeShell)
    answers = {"10.88.0.193": "10.88.0.193 02:42:0a:58:00:c1\n"}
    shell.answer = lambda _, asked: CommandResult(0, "".join(answers.get(one, "") for one in asked), "")
    lan = ("create", "lan", "--on", "A", "-d", "macvlan", "--parent", "eth0", "--subnet", "10.88.0.0/24")
    part = ("--ip-range", "10.88.0.192/28", "--gateway", "10.88.0.254")
    assert "10.88.0.193" in refusal(command(*lan, *part, "--aux-address", "router=10.88.0.194")).what
    assert command(*lan, *part, "--aux-address", "printer=10.88.0.193").exception is None


def test_a_plugin_for_addresses_must_be_there_on_every_host_that_gets_the_network(
    fleet: FakeFleet, command: Command
) -> None:
    types = [{"Prefix": "docker", "Capability": "ipamdriver", "Version": "1.0"}]
    fleet.engine("A").plugins.append({"Name": "acme", "Enabled": True, "Config": {"Interface": {"Types": types}}})
    fleet.engine("B").plugins.append({"Name": "acme", "Enabled": False, "Config": {"Interface": {"Types": types}}})
    for host in ("B", "C"):
        shell = fleet[host].shell
        assert isinstance(shell, FakeShell)
        shell.answer = lambda *_: CommandResult(1, "", "")
    said = command("create", "app", "--on", "A", "--on", "B", "--ipam-driver", "acme")
    assert refusal(said).where == "B"
    assert command("create", "app", "--on", "A", "--ipam-driver", "acme").exception is None
    assert fleet.engine("A").inspect("networks", "app")["IPAM"]["Driver"] == "acme"


def test_a_second_ingress_network_is_refused_and_one_for_the_first_is_made(swarm: FakeFleet, command: Command) -> None:
    mesh = ("create", "mesh", "-d", "overlay", "--ingress", "--subnet", "10.40.0.0/24")
    assert "already: ingress" in refusal(command(*mesh)).what
    engine = swarm.engine("A")
    (old,) = [one for one in engine.find("networks") if one.get("Ingress")]
    engine.remove("networks", old["Id"])
    assert command(*mesh).exception is None
    (new,) = [one for one in engine.find("networks") if one.get("Ingress")]
    assert (new["Name"], new["IPAM"]["Config"]) == ("mesh", [{"Subnet": "10.40.0.0/24"}])
    assert all(has_ingress(one, new["Id"]) for one in swarm.engines if one.cluster)
    ports = {"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8080}]}}
    template = {"ContainerSpec": {"Image": "web:1"}}
    engine.create("services", {"Name": "web", "TaskTemplate": template, "Mode": {"Replicated": {}}, **ports})
    assert refusal(command("rm", "mesh")).evidence == "service web, by its ports"


def test_a_container_is_connected_in_every_way_that_is_asked_for(
    fleet: FakeFleet, command: Command, shown: list[Plan]
) -> None:
    entries = [{"Subnet": "10.1.0.0/24"}, {"Subnet": "fd00:1::/64"}]
    add_network(fleet, "A", "app", IPAM={"Config": entries})
    add_container(fleet, "A", "web")
    add_container(fleet, "A", "db", app="10.1.0.9")
    words = ("--ip6", "fd00:1:0::5", "--link", "db:store", "--link-local-ip", "169.254.8.8", "--driver-opt", "a=b")
    for _ in range(2):
        assert command("connect", "app", "web", "--on", "A", *words).exception is None
    assert [len(plan.writes) for plan in shown] == [1, 0]
    assert not shown[0].warnings
    endpoint = fleet.engine("A").containers["web"]["NetworkSettings"]["Networks"]["app"]
    assert endpoint["IPAMConfig"] == {"IPv6Address": "fd00:1::5", "LinkLocalIPs": ["169.254.8.8"]}
    assert (endpoint["Links"], endpoint["DriverOpts"]) == (["db:store"], {"a": "b"})
    otherwise = refusal(command("connect", "app", "web", "--on", "A", "--ip6", "fd00:1::6", "--alias", "me"))
    assert otherwise.evidence == "ip6 is fd00:1::5, not fd00:1::6; alias is (none), not me"
    add_container(fleet, "A", "late")
    taken = refusal(command("connect", "app", "late", "--on", "A", "--ip6", "fd00:1::5"))
    assert (taken.what, taken.evidence) == ("the address fd00:1::5 is in use", "container web has it")
    assert command("connect", "app", "late", "--on", "A", "--link", "gone").exception is None
    assert "gone leads nowhere" in shown[-1].warnings[0].what


def test_by_a_name_the_swarms_network_and_the_hosts_own_of_it_go(swarm: FakeFleet, command: Command) -> None:
    swarm.engine("A").create("networks", {"Name": "app", "Driver": "overlay"})
    for host in "AB":
        swarm.engine(host).create("networks", {"Name": "app", "Driver": "bridge", "Scope": "local"})
    add_container(swarm, "B", "web", app="10.1.0.2")
    assert refusal(command("rm", "app")).evidence == "web"
    swarm.engine("B").containers.clear()
    assert command("rm", "app").exception is None
    assert not [one for reached in swarm.values() for one in reached.engine.find("networks") if one["Name"] == "app"]


def test_by_an_id_that_network_goes_alone_though_the_manager_has_another_of_its_name(
    swarm: FakeFleet, command: Command
) -> None:
    identity = swarm.engine("A").create("networks", {"Name": "app", "Driver": "overlay"})
    swarm.engine("A").create("networks", {"Name": "app", "Driver": "bridge", "Scope": "local"})
    assert command("rm", identity).exception is None
    assert [one["Driver"] for one in swarm.engine("A").find("networks") if one["Name"] == "app"] == ["bridge"]


def test_what_an_engine_would_drop_on_the_swarms_network_is_told(swarm: FakeFleet, command: Command) -> None:
    swarm.engine("A").create("networks", {"Name": "wide", "Driver": "overlay", "Attachable": True})
    add_container(swarm, "A", "web")
    said = refusal(command("connect", "wide", "web", "--on", "A", "--link-local-ip", "169.254.8.8"))
    assert "drops --link-local-ip" in said.what


def test_by_force_a_name_that_no_host_has_is_no_error(fleet: FakeFleet, command: Command) -> None:
    add_network(fleet, "A", "app")
    add_network(fleet, "B", "far")
    assert isinstance(command("rm", "app", "gone").exception, RefusedError)
    assert command("rm", "-f", "gone").exception is None
    assert command("rm", "--force", "app", "gone", "far", "--on", "A").exception is None
    assert (networks_of(fleet, "A"), networks_of(fleet, "B")) == (set(), {"far"})
    add_network(fleet, "A", "busy")
    add_container(fleet, "A", "web", busy="10.1.0.2")
    assert isinstance(command("rm", "-f", "busy").exception, RefusedError)


def test_several_networks_are_shown_by_name_and_host(fleet: FakeFleet, command: Command) -> None:
    for host, name in (("A", "app"), ("B", "app"), ("B", "lan"), ("C", "other")):
        add_network(fleet, host, name)
    add_container(fleet, "B", "web", app="10.1.0.2")
    found = json.loads(command("inspect", "lan", "app").stdout)
    assert {name: list(hosts) for name, hosts in found.items()} == {"lan": ["B"], "app": ["A", "B"]}
    assert found["app"]["B"]["Users"] == {"web": "10.1.0.2"}
    missing = command("inspect", "app", "gone", "away").exception
    assert isinstance(missing, InputError)
    assert "gone, away" in missing.what


def test_networks_are_listed_by_filters_and_with_whole_ids(fleet: FakeFleet, command: Command) -> None:
    for host in ("A", "B"):
        add_network(fleet, host, "everywhere-and-long", Labels={"team": "shop"})
    add_network(fleet, "A", "lan", Driver="macvlan")
    assert command("ls", "-q", "--no-trunc", "--filter", "label=team").stdout == "everywhere-and-long\n"
    assert command("ls", "-q", "-f", "driver=macvlan").stdout == "lan\n"
    assert command("ls", "-q", "-f", "driver=macvlan", "-f", "name=every").stdout == ""
    rows = json.loads(command("ls", "--json", "--filter", "type=custom").stdout)["networks"]
    assert {row["name"] for row in rows} == {"everywhere-and-long", "lan"}
    assert isinstance(command("ls", "--no-trunc").exception, InputError)
    assert isinstance(command("ls", "--filter", "until=1h").exception, InputError)


def test_networks_are_listed_by_a_template_a_line_for_each_id(fleet: FakeFleet, command: Command) -> None:
    for host in ("A", "B"):
        add_network(fleet, host, "app", Id=f"{host.lower()}" * 64, Labels={"team": "shop"})
    lines = command("ls", "-f", "name=app", "--format", r"{{.ID}}\t{{.Hosts}}\t{{.Labels}}").stdout.splitlines()
    assert lines == ["aaaaaaaaaaaa\tA\tteam=shop", "bbbbbbbbbbbb\tB\tteam=shop"]
    table = command("ls", "-f", "name=app", "--no-trunc", "--format", r"table {{.ID}}\t{{.Name}}").stdout.splitlines()
    assert table == [f"{'NETWORK ID':64}   NAME", f"{'a' * 64}   app", f"{'b' * 64}   app"]
    assert json.loads(command("ls", "-f", "id=aa", "--format", "json").stdout)["Name"] == "app"
    assert isinstance(command("ls", "-q", "--format", "{{.ID}}").exception, InputError)
    assert isinstance(command("ls", "--format", "{{printf}}").exception, InputError)
    assert isinstance(command("ls", "--format", "{{.Nmae}}").exception, InputError)


def test_a_network_is_inspected_by_the_beginning_of_its_id_and_by_a_template(
    fleet: FakeFleet, command: Command
) -> None:
    for host in ("A", "B"):
        add_network(fleet, host, "app", Id=f"{host.lower()}" * 64)
    add_network(fleet, "A", "lan", Id="ab" * 32, Driver="macvlan")
    assert list(json.loads(command("inspect", "aaa").stdout)["app"]) == ["A"]
    assert command("inspect", "app", "abab", "--format", "{{.Host}} {{.Driver}}").stdout == (
        "A bridge\nB bridge\nA macvlan\n"
    )
    assert command("inspect", "app", "--on", "B", "--format", "{{.Host}}").stdout == "B\n"
    assert isinstance(command("inspect", "a").exception, InputError)
    assert isinstance(command("inspect", "app", "--on", "X").exception, InputError)
    assert isinstance(command("inspect", "app", "--format", "{{.Nmae}}").exception, InputError)


def test_by_an_id_one_hosts_network_is_removed_and_the_others_of_its_name_stay(
    fleet: FakeFleet, command: Command
) -> None:
    for host in ("A", "B"):
        add_network(fleet, host, "app", Id=f"{host.lower()}" * 64)
        fleet.engine(host).config_networks[f"{host.lower()}" * 64] = fleet.engine(host).config_networks.pop("app")
    assert command("rm", "b" * 12, "bbb").exception is None
    assert [len(networks_of(fleet, host)) for host in "AB"] == [1, 0]
    add_network(fleet, "A", "other", Id="ab" * 32)
    ambiguous = command("rm", "a").exception
    assert isinstance(ambiguous, InputError)
    assert len(networks_of(fleet, "A")) == 2


def test_a_container_is_connected_and_disconnected_by_the_networks_id(fleet: FakeFleet, command: Command) -> None:
    add_network(fleet, "A", "app", Id="a" * 64)
    add_container(fleet, "A", "web")
    assert command("connect", "aaaa", "web", "--on", "A").exception is None
    assert list(fleet.engine("A").containers["web"]["NetworkSettings"]["Networks"]) == ["app"]
    add_network(fleet, "A", "other", Id="ab" * 32)
    ambiguous = command("connect", "a", "web", "--on", "A").exception
    assert isinstance(ambiguous, RefusedError)
    assert ambiguous.plan.refusals[0].what == "a begins the IDs of 2 networks on A"
    assert command("disconnect", "aaaa", "web", "--on", "A").exception is None
    assert not fleet.engine("A").containers["web"]["NetworkSettings"]["Networks"]
