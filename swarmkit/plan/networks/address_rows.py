"""The subnets of a cluster's networks, and how many of their addresses are taken; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swarmkit.observed.model import ClusterState, masked, network_targets
from swarmkit.observed.networks import HostNetwork

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LIVE_STATES = ("new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running")


@dataclass(frozen=True)
class SubnetRow:
    """One subnet of a network, on the hosts that give addresses of the same part of it."""

    subnet: str
    network: str
    driver: str
    hosts: tuple[str, ...]
    used: int
    """Addresses that are taken; for an overlay one a node, one a service, one a task (HAZARDS H30). Of an overlay of
    several subnets only those of tasks and containers: which has a service's or a node's is not told."""
    total: int
    range: str = ""
    """The part of the subnet that addresses are given of, if not of all."""
    scope: str = "local"
    device: str = ""
    """The host's device under a macvlan or ipvlan."""
    in_all: tuple[int, int] | None = None
    """What is taken, and how much there is, of all subnets of an overlay that has several: a manager goes on to the
    next when one is full (moby/swarmkit cnmallocator, allocateNetworkIPs)."""

    @property
    def given(self) -> str:
        return self.range or self.subnet


def subnet_rows(seen: Sequence[HostNetwork], cluster: ClusterState | None) -> Iterator[SubnetRow]:
    groups: dict[tuple[str, str, str, str], list[tuple[HostNetwork, Mapping[str, Any]]]] = {}
    for network in seen:
        for entry in network.ipam:
            if entry.get("Subnet"):
                key = (masked(str(entry["Subnet"])), str(entry.get("IPRange") or ""), network.name, network.driver)
                groups.setdefault(key, []).append((network, entry))
    for (subnet, part, name, driver), group in sorted(
        groups.items(), key=lambda item: (order(item[0][0]), item[0][1:])
    ):
        networks = [network for network, _ in group]
        given = ipaddress.ip_network(part or subnet, strict=False)
        in_all = _in_all(networks, given, seen, cluster)
        used = _known(networks, given, seen, cluster) if in_all else _used(networks, given, seen, cluster)
        hosts = tuple(network.host for network in networks)
        first = networks[0]
        yield SubnetRow(
            subnet, name, driver, hosts, used, total_of(group[0][1]), part, first.scope, first.parent, in_all
        )


def _in_all(
    group: Sequence[HostNetwork], given: Network, seen: Sequence[HostNetwork], cluster: ClusterState | None
) -> tuple[int, int] | None:
    """Return used and total of all subnets of the kind of *given*, of an overlay with several."""
    entries = [entry for entry in group[0].ipam if entry.get("Subnet")]
    parts = [ipaddress.ip_network(str(entry.get("IPRange") or entry["Subnet"]), strict=False) for entry in entries]
    alike = [(entry, part) for entry, part in zip(entries, parts, strict=True) if part.version == given.version]
    if group[0].driver != "overlay" or len(alike) == 1:
        return None
    taken = [set().union(*(_addresses(network, part, seen) for _, part in alike)) for network in group]
    return _of_overlay(group[0].id, taken, cluster), sum(total_of(entry) for entry, _ in alike)


def _known(
    group: Sequence[HostNetwork], given: Network, seen: Sequence[HostNetwork], cluster: ClusterState | None
) -> int:
    """Count the addresses of *given* that containers and tasks are known to have."""
    tasks = (task for task in cluster.tasks if task.state in _LIVE_STATES) if cluster else ()
    of_tasks = {address for task in tasks for address in task.addresses.get(group[0].id, ())}
    on_hosts = set().union(*(_addresses(network, given, seen) for network in group))
    return len(on_hosts | {address for address in of_tasks if ipaddress.ip_address(address) in given})


def _used(
    group: Sequence[HostNetwork], given: Network, seen: Sequence[HostNetwork], cluster: ClusterState | None
) -> int:
    """Count what is taken of *given*: of the swarm's network on all hosts, of hosts' own on the host with the most."""
    taken = [_addresses(network, given, seen) for network in group]
    return _of_overlay(group[0].id, taken, cluster) if group[0].driver == "overlay" else max(map(len, taken))


def _of_overlay(identity: str, taken: Sequence[set[str]], cluster: ClusterState | None) -> int:
    """Count what is taken of an overlay; *taken*: the containers' addresses, a set a host."""
    services = _services(identity, cluster)
    # A container that was attached is a task as well, whose addresses a manager may tell late.
    on_hosts = services + sum(map(len, taken)) + sum(1 for found in taken if found)
    return max(on_hosts, services + _of_tasks(identity, cluster))


def _addresses(network: HostNetwork, given: Network, seen: Sequence[HostNetwork]) -> set[str]:
    """Return the containers' addresses of *given*; what is config-only has those of the network made from it."""
    over = [one for one in seen if one.host == network.host and one.config_from == network.name]
    found = {address for one in (network, *over) for address in (*one.users.values(), *one.users6.values())}
    return {address for address in found if address and ipaddress.ip_address(address) in given}


def _services(identity: str, cluster: ClusterState | None) -> int:
    services = cluster.services if cluster else ()
    return sum(identity in network_targets(service.spec) for service in services)


def _of_tasks(identity: str, cluster: ClusterState | None) -> int:
    """Count an address a task, and a load balancer's a node, as the allocator gives them."""
    tasks = cluster.tasks if cluster else ()
    on_it = [task for task in tasks if identity in task.addresses and task.state in _LIVE_STATES]
    return len(on_it) + len({task.node_id for task in on_it})


def total_of(entry: Mapping[str, Any]) -> int:
    """Return how many addresses containers can have: not the subnet's first and last, the gateway's, auxiliary ones."""
    subnet = ipaddress.ip_network(str(entry["Subnet"]), strict=False)
    given = ipaddress.ip_network(str(entry.get("IPRange") or subnet), strict=False)
    gateway = entry.get("Gateway") or (given[0] if given != subnet else subnet[1])
    kept = (subnet[0], subnet[-1], gateway, *(entry.get("AuxiliaryAddresses") or {}).values())
    reserved = {ipaddress.ip_address(str(address).partition("/")[0]) for address in kept}
    return max(0, given.num_addresses - sum(address in given for address in reserved))


def order(range_: str) -> tuple[int, int, int]:
    network = ipaddress.ip_network(range_)
    return network.version, int(network.network_address), network.prefixlen
