"""Why a network, or a container on it, would not become what is asked for; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network

from swarmkit.finding import Finding
from swarmkit.observed.networks import CONFIG_ONLY, HostNetwork, networks_of_word
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS


def number_refusals(
    name: str, options: Mapping[str, str], others: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Yield the VXLAN numbers that *options* ask for and another network has: the engine would leave it unmade."""
    for number in _numbers(options):
        for other, its in others.items():
            if number in _numbers(its):
                what = f"the VXLAN number {number} of network {name} is taken"
                yield Finding(
                    "D14", "error", name, what, f"network {other} has it", f"choose another in {VXLAN_NUMBERS}"
                )


def _numbers(options: Mapping[str, str]) -> list[str]:
    return [number.strip() for number in options.get(VXLAN_NUMBERS, "").split(",") if number.strip()]


def gateway_refusals(wish: NetworkWish, host: str, seen: Iterable[HostNetwork]) -> Iterator[Finding]:
    """Yield the gateways that another network of *host* with the same subnet has: the engine gives one address once."""
    for network in seen:
        for entry in network.ipam if network.host == host else ():
            if entry.get("Subnet") in wish.subnets and entry.get("Gateway") in wish.gateways:
                what = f"{entry['Gateway']} is the gateway of network {network.name} already"
                remedy = "give another --gateway: none in use, if no container is to leave the range by it"
                yield Finding("D12", "error", host, what, f"both have {entry['Subnet']}", remedy)


def ipam_refusals(wish: NetworkWish, lacking: Iterable[str]) -> Iterator[Finding]:
    """Yield the hosts *lacking* the driver of addresses: the engine would say no, or each when it gets the network."""
    if hosts := ", ".join(sorted(lacking)):
        what = f"there is no driver of addresses {wish.ipam_driver} for network {wish.name}"
        legacy = "; a swarm takes no plugin that is but a file of /run/docker/plugins" if wish.is_of_swarm else ""
        remedy = f"install it there: docker plugin install {wish.ipam_driver}; or leave --ipam-driver out"
        yield Finding("D14", "error", hosts, what, f"no plugin of that name is enabled{legacy}", remedy)


def ingress_refusals(wish: NetworkWish, seen: Iterable[HostNetwork]) -> Iterator[Finding]:
    """Yield that the swarm has an ingress network already: it can have one."""
    names = {network.name for network in seen if network.raw.get("Ingress") and network.scope == "swarm"}
    for name in sorted(names) if wish.ingress else ():
        what = f"the swarm has an ingress network already: {name}"
        remedy = (
            f"use {name}; or, while no service publishes a port by it, remove it: docker network rm {name}; an engine "
            "that had a task on it keeps it still: sudo systemctl restart docker on the manager (moby/moby#40184)"
        )
        yield Finding("D14", "error", wish.name, what, "a swarm has one at most", remedy)


def address_refusals(
    host: str, address: str, network: HostNetwork, *, answered: bool, word: str = "--ip"
) -> Iterator[Finding]:
    """Yield who has *address* on *network* already; *answered*: something replies to ARP for it."""
    addresses = network.users6 if ":" in address else network.users
    holders = [name for name, its in addresses.items() if its == address]
    if holders or answered:
        evidence = f"container {holders[0]} has it" if holders else "something answers to ARP there"
        yield Finding("D12", "error", host, f"the address {address} is in use", evidence, f"choose another {word}")


def absence_refusals(
    host: str, name: str, network: HostNetwork | None, known: Iterable[HostNetwork]
) -> Iterator[Finding]:
    """Yield that *network*, what *name* was found to be among those *known*, is none that a container may be on."""
    if network is None and len(begun := networks_of_word(name, known)) > 1:
        what = f"{name} begins the IDs of {len(begun)} networks on {host}"
        names = ", ".join(sorted(each.name for each in begun))
        yield Finding("D14", "error", host, what, f"they are {names}", "give more of the ID, or the name")
    elif network is None:
        what = f"there is no network {name} on {host}"
        names = ", ".join(sorted({each.name for each in known}))
        yield Finding("D14", "error", host, what, f"there are {names}", "swarmkit network create")
    elif network.driver == CONFIG_ONLY:
        what = f"network {name} is config-only: settings for another network, and no container can be on it"
        yield Finding("D14", "error", host, what, "", f"use the network that was made --config-from {name}")
    elif network.scope == "swarm" and not network.raw.get("Attachable"):
        what = f"network {name} is for services alone: it is not attachable"
        remedy = f"make one with: swarmkit network create NAME -d {network.driver} --attachable"
        yield Finding("D14", "error", host, what, "", remedy)


def endpoint_refusals(wish: EndpointWish, host: str, network: HostNetwork) -> Iterator[Finding]:
    """Yield what of *wish* the engine would refuse, or drop and say nothing of it."""
    for address in wish.addresses:
        of_kind = [subnet for subnet in network.subnets if (":" in subnet) == (":" in address)]
        if network.subnets and not any(ip_address(address) in ip_network(subnet) for subnet in of_kind):
            what = f"the address {address} is in no subnet of network {network.name}"
            yield Finding("D12", "error", host, what, f"it has {', '.join(network.subnets)}", "choose one of a subnet")
    if network.name == "bridge" and (wish.aliases or wish.addresses or wish.link_local):
        what = "the engine's own bridge gives containers no further names, and no address that was asked for"
        remedy = f"swarmkit network create NAME --on {host}, with --subnet for addresses, and that network"
        yield Finding("D14", "error", host, what, "moby daemon/network: user defined networks alone do", remedy)
    if wish.link_local and network.scope == "swarm":
        # moby daemon/container_operations.go: what the managers gave replaces all that was asked for.
        what = f"an engine drops --link-local-ip on the swarm's network {network.name}"
        yield Finding("D12", "error", host, what, "", "leave it out, or use a network of the host")


def link_warnings(wish: EndpointWish, host: str, network: HostNetwork) -> Iterator[Finding]:
    """Yield the links that lead nowhere: the engine does not ask whether there is such a container."""
    there = {name.partition("@")[0] for name in network.users}
    for name, alias in wish.linked.items():
        if name not in there:
            what = f"no container {name} is on network {network.name}: the name {alias} leads nowhere until one is"
            yield Finding(
                "D14", "warning", host, what, "", f"swarmkit network connect {network.name} {name} --on {host}"
            )
