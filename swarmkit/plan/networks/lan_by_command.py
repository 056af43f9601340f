"""A macvlan or ipvlan by command: on one cable, no two hosts give the same addresses; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.networks import ON_LAN, HostNetwork
from swarmkit.plan.networks.ipam import DEFAULT_DRIVER
from swarmkit.plan.networks.lan_ranges import IpNetwork, kept_part, overlaps, own_addresses, shared_out
from swarmkit.plan.networks.wish import PARENT_DRIVERS, NetworkWish


@dataclass(frozen=True)
class LanWishes:
    """What each host makes of one wish, where that is not the wish itself, and why it cannot be."""

    own: dict[str, NetworkWish]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Cable:
    """Who is asked to give addresses on a LAN, and who does already."""

    wish: NetworkWish
    hosts: Sequence[str]
    seen: Sequence[HostNetwork]
    observed: Observed

    def held(self, whole: IpNetwork) -> Iterator[tuple[str, IpNetwork]]:
        """Yield the ranges in *whole* that other networks give addresses of, with their names and hosts."""
        for network in self.seen:
            is_own = network.host in self.hosts and (network.name == self.wish.name or len(self.hosts) == 1)
            if network.driver in ON_LAN and network.scope == "local" and network.parent and not is_own:
                for given in given_ranges(network):
                    if overlaps(given, [whole]):
                        yield f"network {network.name} of {network.host} has {given}", given

    def parts(self, whole: IpNetwork) -> dict[str, IpNetwork]:
        """Return for each host its part of *whole*: the one that it has already, or the first that is free."""
        taken = [given for _, given in self.held(whole)]
        found: dict[str, IpNetwork] = {}
        for network in self.seen:
            if network.name == self.wish.name and network.host in self.hosts:
                kept = kept_part(network.ipam, whole)
                if kept and not overlaps(kept, [*found.values(), *taken]):
                    found[network.host] = kept
        return shared_out(
            whole, self.hosts, found, [*taken, *own_addresses(self.observed, whole)], len(self.observed.hosts)
        )


def given_ranges(network: HostNetwork) -> list[IpNetwork]:
    """Return what the engine gives addresses of: the subnets, or the ranges inside them."""
    ranges = [str(entry.get("IPRange") or entry.get("Subnet") or "") for entry in network.ipam]
    return [ip_network(text, strict=False) for text in ranges if text]


def lan_wishes(wish: NetworkWish, hosts: Sequence[str], seen: Sequence[HostNetwork], observed: Observed) -> LanWishes:
    """Return what each of *hosts* makes of *wish*: with several on a cable, an --ip-range of its own.

    It is a part of the --ip-range that was given, or of the subnet. One host alone has what was asked for.
    """
    if not _is_of_cable(wish):
        return LanWishes({}, ())
    if not wish.subnets:
        return LanWishes({}, tuple(_without_subnet(wish, hosts)))
    cable = _Cable(wish, hosts, seen, observed)
    own = {host: list(wish.ip_ranges or [""] * len(wish.subnets)) for host in hosts}
    findings: list[Finding] = []
    for number, subnet in enumerate(wish.subnets):
        given = wish.ip_ranges[number] if wish.ip_ranges else ""
        whole = ip_network(given or subnet)
        held = [who for who, _ in cable.held(whole)]
        if len(hosts) == 1 and (given or not held):
            findings += _clashes(cable, whole, ip_network(subnet), held)
            continue
        parts = cable.parts(whole)
        for host in hosts:
            own[host][number] = str(parts.get(host, given))
        findings += _full(wish, [host for host in hosts if host not in parts], whole, held)
    return LanWishes({host: replace(wish, ip_ranges=tuple(ranges)) for host, ranges in own.items()}, tuple(findings))


def _is_of_cable(wish: NetworkWish) -> bool:
    """Without a parent device it is the host's alone; a plugin, or nobody, may give the addresses."""
    is_lan = (wish.driver in PARENT_DRIVERS or wish.config_only) and not wish.is_of_swarm
    return is_lan and bool(wish.parent) and wish.ipam_driver in ("", DEFAULT_DRIVER)


def _without_subnet(wish: NetworkWish, hosts: Sequence[str]) -> Iterator[Finding]:
    if len(hosts) > 1 and not wish.config_only:
        what = f"network {wish.name} has no --subnet: each host would choose one, and two may give the same addresses"
        yield Finding("D12", "error", ", ".join(hosts), what, "", "give the LAN's --subnet and its --gateway")


def _clashes(cable: _Cable, whole: IpNetwork, subnet: IpNetwork, held: Sequence[str]) -> Iterator[Finding]:
    if held:
        (host,) = cable.hosts
        free = cable.parts(subnet).get(host)
        what = f"{whole} for network {cable.wish.name} is given out by another host already: two would get one address"
        remedy = f"give an --ip-range that no other host has{f', as {free}' if free else ''}"
        yield Finding("D12", "error", host, what, "; ".join(held), remedy)


def _full(wish: NetworkWish, hosts: Sequence[str], whole: IpNetwork, held: Sequence[str]) -> Iterator[Finding]:
    if hosts:
        what = f"no part of {whole} is left for network {wish.name} on {', '.join(hosts)}"
        seen = "; ".join((*held, "the hosts' own addresses in it are left out"))
        remedy = "a larger --ip-range; or a command for each host: --on HOST --ip-range RANGE"
        yield Finding("D12", "error", ", ".join(hosts), what, seen, remedy)
