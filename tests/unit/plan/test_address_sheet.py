"""Address ranges on one sheet: what clashes, what has run out, what is free."""

from __future__ import annotations

import dataclasses
from typing import Any

from unit.verify.verify_world import World

from swarmkit.observed.model import HostFacts, Observed, Route
from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.address_sheet import AddressSheet, address_sheet


def network(name: str, subnet: str, *, host: str = "A", driver: str = "bridge", users: int = 0) -> HostNetwork:
    raw: dict[str, Any] = {"IPAM": {"Config": [{"Subnet": subnet}]}}
    return HostNetwork(host, f"id-{name}", name, driver, "local", raw, {f"c{n}": "" for n in range(users)})


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
