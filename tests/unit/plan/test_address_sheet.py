"""Address ranges on one sheet: what clashes, what has run out, what is free."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from unit.verify.verify_world import World

from swarmkit.observed.model import HostFacts, Observed, Route
from swarmkit.observed.networks import ON_LAN, HostNetwork
from swarmkit.plan.networks.address_sheet import AddressSheet, address_sheet


def network(
    name: str, subnet: str, *, host: str = "A", driver: str = "bridge", users: int = 0, given: str = "", **raw: Any
) -> HostNetwork:
    entry = {"Subnet": subnet, **({"IPRange": given} if given else {})}
    body = {"IPAM": {"Config": [entry]}, "Options": {"parent": "eth0"} if driver in ON_LAN else {}, **raw}
    addresses = list(ipaddress.ip_network(given or subnet))[1 if given else 2 :]
    scope = "swarm" if driver == "overlay" else "local"
    its = {f"{host}{n}": str(addresses[n]) for n in range(users)}
    return HostNetwork(host, f"id-{name}", name, driver, scope, body, {**its, f"{host}-stopped": ""})


def sheet(*networks: HostNetwork, routes: tuple[Route, ...] = (), pools: tuple[str, ...] = ()) -> AddressSheet:
    world = World()
    hosts = {name: with_routes(facts, routes) for name, facts in world.observed.hosts.items()}
    inventory = dataclasses.replace(world.inventory, address_pools=pools)
    return address_sheet(inventory, Observed(hosts, None), networks)


def with_routes(facts: HostFacts, routes: tuple[Route, ...]) -> HostFacts:
    return dataclasses.replace(facts, system=dataclasses.replace(facts.system, routes=routes))


def found(sheet: AddressSheet) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity) for finding in sheet.findings]


def test_without_a_declared_pool_one_that_no_host_routes_is_proposed() -> None:
    (pool,) = sheet(routes=(Route("10.20.0.0/16", "eth0"),)).pools
    assert (pool.source, pool.pool) == ("proposed", "10.21.0.0/16")


def test_a_pool_over_a_route_is_an_error_and_the_free_subnets_leave_the_route_out() -> None:
    made = sheet(routes=(Route("10.20.1.0/24", "eth0"),), pools=("10.20.0.0/16",))
    assert found(made) == [("H28", "error")]
    assert made.pools[0].free == ("10.20.0.0/24", "10.20.2.0/24", "10.20.3.0/24")


def test_a_networks_own_route_and_a_lan_under_macvlan_are_no_clash() -> None:
    routes = (Route("10.30.0.0/24", "br-1"), Route("10.88.0.0/24", "eth0"))
    own = [network("app", "10.30.0.0/24", host=host) for host in "ABC"]
    lan = network("lan", "10.88.0.0/24", driver="macvlan")
    config = network("lan-config", "10.88.0.0/24", driver="config-only")
    assert not sheet(*own, lan, config, routes=routes, pools=("10.20.0.0/16",)).findings


def test_a_bridge_that_an_engine_tells_of_by_its_own_address_is_shown_as_its_network() -> None:
    """Engines before 25 with ``bip`` in daemon.json."""
    raw = {"IPAM": {"Config": [{"Subnet": "172.26.0.1/16"}]}}
    bridges = [network("bridge", "172.26.0.0/16", host=host, **raw) for host in "ABC"]
    made = sheet(*bridges, routes=(Route("172.26.0.0/16", "docker0"),), pools=("10.20.0.0/16",))
    assert [row.subnet for row in made.subnets] == ["172.26.0.0/16"]
    assert not made.findings


def test_a_hosts_own_network_in_a_pool_may_be_what_an_overlay_gets() -> None:
    made = sheet(network("app", "10.20.7.0/24", host="B"), pools=("10.20.0.0/16",))
    assert found(made) == [("H28", "error")]
    assert made.findings[0].what == "network app (10.20.7.0/24) of B is in the pool 10.20.0.0/16"


def test_a_lans_addresses_are_those_of_its_range_and_run_out_with_it() -> None:
    def lan(host: str, given: str, users: int) -> HostNetwork:
        return network("lan", "10.88.0.0/24", host=host, driver="macvlan", given=given, users=users)

    made = sheet(lan("A", "10.88.0.192/30", 3), lan("B", "10.88.0.196/30", 2))
    assert [(row.range, row.hosts, row.used, row.total) for row in made.subnets] == [
        ("10.88.0.192/30", ("A",), 3, 3),
        ("10.88.0.196/30", ("B",), 2, 3),
    ]
    assert found(made) == [("H30", "error")]
    assert made.findings[0].what.startswith("network lan of A has no address of 10.88.0.192/30 left")


def test_a_lan_whose_addresses_two_hosts_give_is_told_and_one_without_a_device_is_not() -> None:
    both = [network("lan", "10.88.0.0/24", host=host, driver="macvlan") for host in "AB"]
    other = network("other", "10.88.0.0/24", host="C", driver="ipvlan", given="10.88.0.64/28")
    assert [one.where for one in sheet(*both, other).findings] == ["A, B", "A, B, C"]
    alone = [dataclasses.replace(one, raw={**one.raw, "Options": {}}) for one in both]
    assert not sheet(*alone).findings


def test_what_is_config_only_has_the_addresses_of_the_network_over_it() -> None:
    config = network("lan-config", "10.88.0.0/24", driver="config-only", given="10.88.0.192/30")
    over = network(
        "lan", "10.88.0.0/24", driver="macvlan", given="10.88.0.192/30", users=2, ConfigFrom={"Network": "lan-config"}
    )
    assert [(row.network, row.used) for row in sheet(config, over).subnets] == [("lan", 2), ("lan-config", 2)]


def test_containers_of_all_hosts_have_addresses_of_an_attachable_overlay_and_so_has_each_host() -> None:
    parts = [
        network("wide", "10.20.1.0/24", host=host, driver="overlay", users=users)
        for host, users in (("A", 2), ("B", 1), ("C", 0))
    ]
    assert [row.used for row in sheet(*parts).subnets] == [2 + 1 + 2]


def test_two_networks_of_one_host_that_overlap_are_named_and_of_two_hosts_are_not() -> None:
    wide, narrow = network("wide", "10.30.0.0/16"), network("narrow", "10.30.5.0/24")
    assert "networks wide" in sheet(wide, narrow).findings[0].what
    assert not sheet(wide, dataclasses.replace(narrow, host="B")).findings


def test_an_ingress_that_took_no_notice_of_the_swarms_pools_is_told() -> None:
    world = World()
    assert world.observed.cluster
    cluster = dataclasses.replace(world.observed.cluster, address_pools=("10.20.0.0/16",))
    swarm = dataclasses.replace(world.observed, cluster=cluster)

    def told(subnet: str) -> list[str]:
        ingress = network("ingress", subnet, driver="overlay")
        return [one.code for one in address_sheet(world.inventory, swarm, (ingress,)).findings]

    assert told("10.255.0.0/16") == ["H29"]
    assert told("10.20.0.0/24") == []


def test_a_full_network_is_an_error_and_a_pool_of_one_used_subnet_has_nothing_free() -> None:
    full = network("small", "10.30.0.0/29", users=5)
    assert found(sheet(full)) == [("H30", "error")]
    assert found(sheet(network("over", "10.20.0.0/24", driver="overlay"), pools=("10.20.0.0/24",))) == [
        ("H30", "error")
    ]


def test_an_overlay_of_several_subnets_is_full_when_all_are() -> None:
    """Each was said to be full of what is in the other: a manager goes on to the next subnet."""
    small = network("wide", "10.20.1.0/29", driver="overlay", users=5)
    config = [*small.raw["IPAM"]["Config"], {"Subnet": "10.20.2.0/24"}]
    both = dataclasses.replace(small, raw={**small.raw, "IPAM": {"Config": config}})
    made = sheet(both)
    assert [(row.used, row.total, row.in_all) for row in made.subnets] == [(5, 5, (6, 258)), (0, 253, (6, 258))]
    assert not made.findings
    config[1]["Subnet"] = "fd00::/64"
    assert next((row.used, row.in_all) for row in sheet(both).subnets) == (6, None)
    config[1]["Subnet"] = "10.20.2.0/31"
    (finding,) = sheet(both).findings
    assert (finding.code, finding.severity, finding.evidence) == ("H30", "error", "6 of 5")
