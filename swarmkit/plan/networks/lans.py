"""A macvlan or ipvlan network of a stack: each host's config-only network, and the swarm's over them; pure.

The engines do not know of each other's addresses, so each host gives its tasks addresses of a range of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Lan, Network, Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, Observed
from swarmkit.plan.networks.lan_ranges import IpNetwork, kept_part, overlaps, own_addresses, shared_out
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.placement import eligible_hosts


@dataclass(frozen=True)
class LanWish:
    """What one declared network comes to: *configs* by host, and *network* over them."""

    network: NetworkWish
    configs: Mapping[str, NetworkWish]
    full: tuple[str, ...]
    """Hosts for which no part of the range is left."""


def config_name(network: Network) -> str:
    return f"{network.name}-config"


def lan_wish(stack: Stack, network: Network, inventory: Inventory, observed: Observed) -> LanWish:
    """Return the networks that *network* needs, one on each host that may run a task on it."""
    lan = network.lan or Lan()
    hosts = lan_hosts(stack, network, inventory, observed)
    ranges = _ranges(lan, hosts, network, inventory, observed)
    configs = {
        host: NetworkWish(
            name=config_name(network),
            driver="null",
            subnets=network.subnets,
            gateways=(lan.gateway,) if lan.gateway else (),
            ip_ranges=(str(ranges[host]),),
            options={**network.driver_options, **_parent(lan, host)},
            labels={**network.labels, STACK_LABEL: stack.name},
            ipv6=network.ipv6,
            config_only=True,
        )
        for host in hosts
        if host in ranges
    }
    over = NetworkWish(
        # The engine takes neither labels nor options for a network that is made from others.
        name=network.name, driver=network.driver, scope="swarm", config_from=config_name(network),
        attachable=network.attachable, internal=network.internal,
    )  # fmt: skip
    return LanWish(over, configs, tuple(host for host in hosts if host not in ranges))


def lan_hosts(stack: Stack, network: Network, inventory: Inventory, observed: Observed) -> tuple[str, ...]:
    """Return the hosts that may run a task on *network*, in the inventory's order."""
    found = {
        host.name for service in users_of(stack, network) for host in eligible_hosts(service, inventory.hosts, observed)
    }
    return tuple(host.name for host in inventory.hosts if host.name in found)


def _parent(lan: Lan, host: str) -> dict[str, str]:
    own = lan.hosts.get(host)
    parent = (own.parent if own else None) or lan.parent
    return {"parent": parent} if parent else {}


def _ranges(
    lan: Lan, hosts: tuple[str, ...], network: Network, inventory: Inventory, observed: Observed
) -> dict[str, IpNetwork]:
    """Return each host's addresses: those it is given, has already, or the first part of the range that is free."""
    found = {
        host: ipaddress.ip_network(own.address_range)
        for host, own in lan.hosts.items()
        if own.address_range and host in hosts
    }
    if lan.address_range is None:
        return found
    whole = ipaddress.ip_network(lan.address_range)
    live = _live_parts(network, whole, observed)
    for host in hosts:
        if host not in found and host in live and not overlaps(live[host], found.values()):
            found[host] = live[host]
    # A host from which services move away gives addresses until its tasks have ended, and again when they come back.
    elsewhere = [part for host, part in live.items() if host not in hosts]
    taken = (*own_addresses(observed, whole, [lan.gateway] if lan.gateway else []), *elsewhere)
    return shared_out(whole, hosts, found, taken, len(inventory.hosts))


def _live_parts(network: Network, whole: IpNetwork, observed: Observed) -> dict[str, IpNetwork]:
    """Return the part of *whole* that each host's config-only network has."""
    found: dict[str, IpNetwork] = {}
    for host, facts in observed.hosts.items():
        live = facts.engine.config_network(config_name(network))
        kept = kept_part((live.raw.get("IPAM") or {}).get("Config") or [], whole) if live else None
        if kept:
            found[host] = kept
    return found


def users_of(stack: Stack, network: Network) -> list[Service]:
    return [service for service in stack.services if any(one.name == network.key for one in service.networks)]


def lan_refusals(network: Network, wish: LanWish, inventory: Inventory, observed: Observed) -> Iterator[Finding]:
    """Yield what forbids *wish*: unknown hosts, no addresses left, addresses that are the hosts' own."""
    lan = network.lan or Lan()
    known = [host.name for host in inventory.hosts]
    for name in lan.hosts.keys() - set(known):
        what = f"x-swarmkit.hosts names {name}, which is no host of the inventory"
        yield Finding("B38", "error", network.name, what, network.place, f"its hosts are {', '.join(known)}")
    for host in wish.full:
        what = f"network {network.name} has no addresses left for tasks on {host}"
        remedy = "a larger range; or a range for each host: x-swarmkit: {hosts: {HOST: {range: ...}}}"
        yield Finding("H30", "error", host, what, f"{lan.address_range} is shared by {len(known)} hosts", remedy)
    for host, config in wish.configs.items():
        own = ipaddress.ip_network(config.ip_ranges[0])
        held = [
            f"{other} has {address}"
            for other, facts in observed.hosts.items()
            for address in facts.system.addresses
            if ipaddress.ip_address(address) in own
        ]
        if held:
            what = f"{own} for tasks of {network.name} on {host} holds addresses of hosts"
            yield Finding("D12", "error", host, what, ", ".join(held), "choose a range that nobody uses")
