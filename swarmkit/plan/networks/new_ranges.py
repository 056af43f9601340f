"""What stands in the way of the address ranges of networks that a plan makes; pure.

The engines do not look at it: an overlay over a route hides that range from its containers, and one over another
overlay is taken and never allocated, so that its tasks stay in state new (HAZARDS H28, H30).
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import NETWORK_LABEL, NetworkState, Observed, subnets_of
from swarmkit.plan.model import Operation
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.ranges import overlap, pool_prefix
from swarmkit.plan.networks.sizes import size_findings
from swarmkit.plan.networks.wish import PARENT_DRIVERS
from swarmkit.plan.stacks.operations import CreateNetwork

_REMEDY = "choose a range that nothing else has; swarmkit network plan shows what is free"
_PRIVATE = ("172.24.0.0/13", "192.168.0.0/16", "10.0.0.0/8")
"""Where a host's own networks may have their ranges; first what is seldom a LAN's (RFC 1918)."""


@dataclass(frozen=True)
class NewNetwork:
    name: str
    driver: str
    subnets: tuple[str, ...]
    hosts: tuple[str, ...]
    """Hosts that get it: all that are reached, for one of the swarm."""
    ipv6: bool = False
    place: str = ""
    """``file:line``, of a stack's."""


def new_range_findings(
    operations: Sequence[Operation], inventory: Inventory, stack: Stack | None, observed: Observed
) -> Iterator[Finding]:
    """Yield why networks that *operations* make would not do, or have no room for the services that they change."""
    made = _new_networks(operations, stack, observed)
    yield from _clashes(made, observed)
    yield from _pools_used_up(made, inventory, observed)
    yield from _ipv6(made)
    if stack is not None:
        steps = [operation.step for operation in operations if operation.step.verb in ("create", "update")]
        targets = {step.target for step in steps if step.subject in ("network", "service")}
        changed = [service for service in stack.services if f"{stack.name}_{service.name}" in targets]
        keys = {entry.name for service in changed for entry in service.networks}
        concerned = [network for network in stack.networks if network.key in keys or network.name in targets]
        yield from size_findings(stack, concerned, inventory, observed)


def _new_networks(operations: Iterable[Operation], stack: Stack | None, observed: Observed) -> tuple[NewNetwork, ...]:
    """Return the networks that *operations* make; those with a range on the hosts' own LAN on purpose are left out."""
    declared = {network.name: network for network in stack.networks} if stack else {}
    found: dict[tuple[str, tuple[str, ...]], NewNetwork] = {}
    everywhere = tuple(observed.hosts)
    for operation in operations:
        if isinstance(operation, CreateNetwork):
            body = operation.body
            name, driver = str(body["Name"]), str(body.get("Driver", ""))
            of = declared.get(str((body.get("Labels") or {}).get(NETWORK_LABEL) or name))
            subnets = of.subnets if of else subnets_of(body)
            new = NewNetwork(name, driver, subnets, everywhere, bool(body.get("EnableIPv6")), of.place if of else "")
        elif isinstance(operation, CreateHostNetwork) and not operation.wish.config_only:
            wish = operation.wish
            hosts = everywhere if wish.is_of_swarm else (operation.host,)
            new = NewNetwork(wish.name, wish.driver, wish.subnets, hosts, wish.ipv6)
        else:
            continue
        if new.driver not in PARENT_DRIVERS:
            found[new.name, new.hosts] = new
    return tuple(found.values())


def _clashes(made: Sequence[NewNetwork], observed: Observed) -> Iterator[Finding]:
    """Yield H28 for every range of *made* that a host routes, or that another network has: of them or of the swarm."""
    for new in made:
        for subnet in new.subnets:
            yield from _over_routes(new, subnet, observed)
            yield from _over_overlays(new, subnet, observed)
            yield from _in_pools(new, subnet, observed)
    for one, other in itertools.combinations(made, 2):
        if set(one.hosts) & set(other.hosts):
            for first, second in itertools.product(one.subnets, other.subnets):
                if overlap(first, second):
                    what = f"networks {one.name} ({first}) and {other.name} ({second}) overlap"
                    evidence = ", ".join(dict.fromkeys((_seen(one), _seen(other))))
                    yield Finding("H28", "error", other.name, what, evidence, _REMEDY)


def _seen(new: NewNetwork) -> str:
    """Return where *new* was asked for: its place in a file, else what the command was given."""
    return new.place or f"asked for: {', '.join(new.subnets) or '--ipv6'}"


def _over_routes(new: NewNetwork, subnet: str, observed: Observed) -> Iterator[Finding]:
    routes: dict[str, dict[str, str]] = {}
    for host in new.hosts:
        for route in observed.hosts[host].system.routes:
            if overlap(subnet, route.destination):
                routes.setdefault(route.destination, {})[host] = route.device
    for destination, devices in routes.items():
        what = f"{subnet} of network {new.name} overlaps {destination}, which {', '.join(devices)} reach"
        what = what if len(devices) > 1 else what + "es"
        evidence = "; ".join(word for word in (f"by {', '.join(dict.fromkeys(devices.values()))}", new.place) if word)
        yield Finding("H28", "error", ", ".join(devices), f"{what} elsewhere", evidence, _REMEDY)


def _over_overlays(new: NewNetwork, subnet: str, observed: Observed) -> Iterator[Finding]:
    for live in _overlays(observed):
        for taken in live.subnets:
            if live.name != new.name and overlap(subnet, taken):
                what = f"{subnet} of network {new.name} overlaps {taken} of network {live.name}"
                remedy = _REMEDY if new.driver == "overlay" else _outside(observed)
                yield Finding("H28", "error", new.name, what, _seen(new), remedy)


def _in_pools(new: NewNetwork, subnet: str, observed: Observed) -> Iterator[Finding]:
    """Yield H28 for a host's own network in a pool: the swarm knows of none, and may give an overlay its range."""
    if new.driver == "overlay" or observed.cluster is None:
        return
    taken = [one for live in _overlays(observed) for one in live.subnets]
    for pool in observed.cluster.address_pools:
        if overlap(subnet, pool) and not any(overlap(subnet, one) for one in taken):
            what = f"{subnet} of network {new.name} is in the swarm's pool {pool}"
            evidence = f"an overlay may get the same range, and would not come up there; {_seen(new)}"
            yield Finding("H28", "warning", new.name, what, evidence, _outside(observed))


def _outside(observed: Observed) -> str:
    """Return a range that no host routes and no pool holds; the address sheet tells only what is free in the pools."""
    cluster = observed.cluster
    taken = [*cluster.address_pools, *(one for live in _overlays(observed) for one in live.subnets)] if cluster else []
    taken += [route.destination for facts in observed.hosts.values() for route in facts.system.routes]
    ranges = (part for whole in _PRIVATE for part in ipaddress.ip_network(whole).subnets(new_prefix=24))
    free = next((str(part) for part in ranges if not any(overlap(str(part), one) for one in taken)), None)
    return f"choose a range outside, such as {free}" if free else "choose a range that nothing else has"


def _ipv6(made: Iterable[NewNetwork]) -> Iterator[Finding]:
    """Yield D13 for overlays with IPv6: no engine makes it work between hosts (moby/moby#48116, libnetwork#1169).

    A manager may take the IPv6 subnet for the one address that it gives: 3 of 8 containers failed so on 26.1.
    """
    for new in made:
        if new.driver != "overlay":
            continue
        if new.subnets and all(":" in subnet for subnet in new.subnets):
            what = f"network {new.name} has IPv6 subnets alone, which no manager allocates: nothing could join it"
            yield Finding("D13", "error", new.name, what, _seen(new), "give it an IPv4 subnet as well, or none at all")
        elif new.ipv6:
            what = f"IPv6 on the overlay {new.name} reaches no other host, and some attachments to it fail"
            remedy = "leave out enable_ipv6 (--ipv6); IPv4 reaches every host as ever"
            yield Finding("D13", "warning", new.name, what, _seen(new), remedy)


def _pools_used_up(made: Sequence[NewNetwork], inventory: Inventory, observed: Observed) -> Iterator[Finding]:
    """Yield H30 when the swarm's pools have fewer subnets left than *made* would take of them."""
    cluster = observed.cluster
    asking = [new.name for new in made if new.driver == "overlay" and not new.subnets]
    if cluster is None or not cluster.address_pools or not asking:
        return
    prefix = pool_prefix(inventory, observed)
    overlays = [*(live.subnets for live in _overlays(observed)), *(new.subnets for new in made)]
    taken = [ipaddress.ip_network(subnet) for subnets in overlays for subnet in subnets]
    pools = [ipaddress.ip_network(pool) for pool in cluster.address_pools]
    parts = (part for pool in pools for part in pool.subnets(new_prefix=max(prefix, pool.prefixlen)))
    free = (part for part in parts if not any(part.version == one.version and part.overlaps(one) for one in taken))
    left = len(list(itertools.islice(free, len(asking))))
    if left < len(asking):
        what = f"the swarm's address pools have no /{prefix} left for {', '.join(asking[left:])}"
        pools_said = ", ".join(cluster.address_pools)
        evidence = f"{pools_said}: {left} free, {len(asking)} needed; fixed when the swarm was made"
        yield Finding("H30", "error", asking[left], what, evidence, f"give it a subnet of its own: {_REMEDY}")


def _overlays(observed: Observed) -> list[NetworkState]:
    return [live for live in observed.cluster.networks if live.driver == "overlay"] if observed.cluster else []
