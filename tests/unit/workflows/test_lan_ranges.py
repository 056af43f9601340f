"""`network create -d macvlan` on hosts in memory: on one cable no two hosts give the same addresses."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

import pytest
from fakes.network_commands import Command, add_network
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.plan.model import Plan
from swarmkit.workflows.unfinished import RefusedError

LAN = ("create", "lan", "-d", "macvlan", "--parent", "eth0", "--subnet", "10.88.0.0/24", "--gateway", "10.88.0.254")


@pytest.fixture(autouse=True)
def addresses(fleet: FakeFleet) -> None:
    """Give the hosts addresses of the LAN."""
    for host, address in (("A", "10.88.0.1"), ("B", "10.88.0.2"), ("C", "10.88.0.40")):
        shell = fleet[host].shell
        assert isinstance(shell, FakeShell)
        shell.machine.addresses[address] = "eth0"


def given(fleet: FakeFleet, name: str = "lan") -> dict[str, ipaddress.IPv4Network]:
    """Return what each host that has the network gives addresses of."""
    found = {}
    for host in fleet:
        for network in fleet.engine(host).config_networks.values():
            if network["Name"] == name:
                (entry,) = network["IPAM"]["Config"]
                found[host] = ipaddress.IPv4Network(entry.get("IPRange") or entry["Subnet"])
    return found


def refusal(done: Any) -> Any:
    assert isinstance(done.exception, RefusedError), done.output
    (found,) = done.exception.plan.refusals
    return found


@pytest.mark.parametrize(
    ("more", "whole"), [((), "10.88.0.0/24"), (("--ip-range", "10.88.0.128/26"), "10.88.0.128/26")]
)
def test_hosts_that_share_a_lan_give_addresses_of_parts_that_do_not_overlap(
    fleet: FakeFleet, command: Command, shown: list[Plan], more: tuple[str, ...], whole: str
) -> None:
    for _ in range(2):
        assert command(*LAN, *more).exception is None
    assert [len(plan.writes) for plan in shown] == [3, 0]
    parts = given(fleet)
    assert set(parts) == {"A", "B", "C"}
    assert not any(one.overlaps(other) for one, other in itertools.combinations(parts.values(), 2))
    assert all(part.subnet_of(ipaddress.IPv4Network(whole)) for part in parts.values())
    own = [ipaddress.IPv4Address(address) for address in ("10.88.0.1", "10.88.0.2", "10.88.0.40")]
    assert not any(address in part for address in own for part in parts.values())
    assert f"addresses of {parts['B']}" in shown[0].writes[1].step.reason


def test_a_host_that_comes_later_gets_a_part_that_is_free_and_the_others_keep_theirs(
    fleet: FakeFleet, command: Command
) -> None:
    assert command(*LAN, "--on", "A", "--on", "B").exception is None
    before = given(fleet)
    assert command(*LAN, "--on", "C").exception is None
    after = given(fleet)
    assert {host: after[host] for host in "AB"} == before
    assert not any(after["C"].overlaps(part) for part in before.values())


def test_one_host_alone_has_what_was_asked_for(fleet: FakeFleet, command: Command) -> None:
    for _ in range(2):
        assert command(*LAN, "--on", "A").exception is None
    assert given(fleet) == {"A": ipaddress.IPv4Network("10.88.0.0/24")}


def test_a_range_of_its_own_that_another_host_has_is_refused_and_a_free_one_named(
    fleet: FakeFleet, command: Command
) -> None:
    assert command(*LAN, "--on", "A", "--ip-range", "10.88.0.192/28").exception is None
    assert command(*LAN, "--on", "B", "--ip-range", "10.88.0.208/28").exception is None
    wide = (*LAN, "--on", "C", "--ip-range", "10.88.0.192/27")
    said = refusal(command(*wide))
    assert (said.code, said.where) == ("D12", "C")
    assert said.evidence == "network lan of A has 10.88.0.192/28; network lan of B has 10.88.0.208/28"
    assert said.remedy.endswith("as 10.88.0.64/27")
    assert command(*wide, "--override", "D12").exception is None
    assert given(fleet)["C"] == ipaddress.IPv4Network("10.88.0.192/27")


def test_a_lan_whose_addresses_another_host_gives_out_is_refused_with_a_way_out(
    fleet: FakeFleet, command: Command
) -> None:
    lan = {"Driver": "ipvlan", "IPAM": {"Config": [{"Subnet": "10.88.0.0/24"}]}}
    add_network(fleet, "A", "alone", **lan)
    add_network(fleet, "A", "other", **lan, Options={"parent": "eth0"})
    said = refusal(command(*LAN, "--on", "B", "--on", "C"))
    assert said.what == "no part of 10.88.0.0/24 is left for network lan on B, C"
    assert said.evidence.startswith("network other of A has 10.88.0.0/24; the hosts' own")
    assert "--on HOST --ip-range RANGE" in said.remedy


def test_several_hosts_on_a_lan_need_its_subnet_and_one_without_a_device_does_not(command: Command) -> None:
    lan = ("create", "lan", "-d", "macvlan")
    assert "no --subnet" in refusal(command(*lan, "--parent", "eth0")).what
    assert command(*lan).exception is None


def test_a_range_for_one_of_two_subnets_is_shared_out_and_so_is_the_other_subnet(
    fleet: FakeFleet, command: Command
) -> None:
    both = (*LAN, "--subnet", "fd00:88::/64", "--ipv6", "--ip-range", "10.88.0.128/26")
    for _ in range(2):
        assert command(*both).exception is None
    ranges = [
        {entry["IPRange"] for entry in fleet.engine(host).config_networks[f"lan-{host}"]["IPAM"]["Config"]}
        for host in fleet
    ]
    assert [len(own) for own in ranges] == [2, 2, 2]
    assert len(set().union(*ranges)) == 6


def test_settings_for_a_swarms_lan_are_shared_out_too(fleet: FakeFleet, command: Command) -> None:
    settings = ("create", "lan", "--config-only", "--parent", "eth0", "--subnet", "10.88.0.0/24")
    assert command(*settings).exception is None
    parts = given(fleet)
    assert len(parts) == len(set(parts.values())) == 3
