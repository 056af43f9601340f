"""All address ranges of a cluster on one sheet: pools, networks, host routes, what clashes and what is free; pure."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.networks import ON_LAN, HostNetwork
from swarmkit.plan.networks.address_rows import Network, SubnetRow, order, subnet_rows
from swarmkit.plan.networks.pools import free_pool
from swarmkit.plan.networks.ranges import overlap, pool_prefix

FREE_SHOWN = 3


@dataclass(frozen=True)
class PoolRow:
    """A pool that overlays take their subnets from."""

    pool: str
    source: str
    """``swarm``: fixed when it was made; ``inventory``; or ``proposed``, where neither names one."""
    subnet_prefix: int
    used: int
    total: int
    free: tuple[str, ...]
    """The next subnets that clash with nothing."""


@dataclass(frozen=True)
class RouteRow:
    destination: str
    device: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class AddressSheet:
    pools: tuple[PoolRow, ...]
    subnets: tuple[SubnetRow, ...]
    routes: tuple[RouteRow, ...]
    findings: tuple[Finding, ...]


def address_sheet(inventory: Inventory, observed: Observed, seen: Sequence[HostNetwork]) -> AddressSheet:
    """Return the sheet of what *inventory* declares and what the hosts were seen to use."""
    subnets = tuple(subnet_rows(seen, observed.cluster))
    routes = tuple(_routes(observed, seen))
    taken = [ipaddress.ip_network(row.subnet) for row in subnets]
    taken += [ipaddress.ip_network(row.destination) for row in routes]
    pools = tuple(_pools(inventory, observed, subnets, taken))
    findings = (
        *_pool_overlaps(pools, routes, observed),
        *_bridges_in_pools(pools, subnets),
        *_subnet_overlaps(subnets, routes, next((subnet for pool in pools for subnet in pool.free), "RANGE")),
        *_given_twice(subnets),
        *_outside(subnets, pools),
        *_exhausted(subnets, pools),
    )
    return AddressSheet(pools, subnets, routes, findings)


def _routes(observed: Observed, seen: Sequence[HostNetwork]) -> Iterator[RouteRow]:
    """Yield the routes that are no network of the host's own engine."""
    own = {(network.host, subnet) for network in seen for subnet in network.subnets}
    # A manager without a task on a swarm's bridge tells no range of it, a host that has restarted knows it no more.
    bridges = {f"br-{network.id[:12]}" for network in seen}
    groups: dict[tuple[str, str], list[str]] = {}
    for host, facts in observed.hosts.items():
        for route in (one for one in facts.system.routes if one.device not in bridges):
            if (host, route.destination) not in own and route.destination not in ("default", "0.0.0.0/0", "::/0"):
                groups.setdefault((route.destination, route.device), []).append(host)
    for (destination, device), hosts in sorted(groups.items(), key=lambda item: order(item[0][0])):
        yield RouteRow(destination, device, tuple(hosts))


def _pools(
    inventory: Inventory, observed: Observed, subnets: Iterable[SubnetRow], taken: Sequence[Network]
) -> Iterator[PoolRow]:
    pools, source = inventory.address_pools, "inventory"
    if observed.cluster and observed.cluster.address_pools:
        pools, source = observed.cluster.address_pools, "swarm"
    elif not pools:
        proposed = free_pool(observed)
        pools, source = (proposed,) if proposed else (), "proposed"
    prefix = pool_prefix(inventory, observed)
    overlays = [ipaddress.ip_network(row.subnet) for row in subnets if row.driver == "overlay"]
    for pool in pools:
        whole = ipaddress.ip_network(pool)
        used = sum(_clash(whole, overlay) for overlay in overlays)
        total = 2 ** max(0, prefix - whole.prefixlen)
        yield PoolRow(pool, source, prefix, used, total, tuple(_free(whole, prefix, taken)))


def _free(pool: Network, prefix: int, taken: Sequence[Network]) -> list[str]:
    candidates = pool.subnets(new_prefix=max(prefix, pool.prefixlen))
    free = (str(subnet) for subnet in candidates if not any(_clash(subnet, other) for other in taken))
    return list(itertools.islice(free, FREE_SHOWN))


def _pool_overlaps(pools: Iterable[PoolRow], routes: Iterable[RouteRow], observed: Observed) -> Iterator[Finding]:
    for pool, route in itertools.product(pools, routes):
        if overlap(pool.pool, route.destination):
            better = free_pool(observed)
            remedy = f"swarm_address_pools: [{better}]" if better else "set swarm_address_pools to a range no host uses"
            if pool.source == "swarm":
                remedy += "; a swarm's pools are fixed when it is made, so give networks subnets of their own till then"
            what = (
                f"pool {pool.pool} overlaps {route.destination}, a route of {', '.join(route.hosts)} by {route.device}"
            )
            yield Finding("H28", "error", pool.pool, what, f"the pool is the {pool.source}'s", remedy)


def _bridges_in_pools(pools: Iterable[PoolRow], subnets: Iterable[SubnetRow]) -> Iterator[Finding]:
    """Yield the hosts' own networks that a pool holds: the swarm knows of none, and may give an overlay their range."""
    for pool, row in itertools.product(pools, subnets):
        if row.driver not in ("overlay", *ON_LAN) and overlap(pool.pool, row.subnet):
            what = f"network {row.network} ({row.subnet}) of {', '.join(row.hosts)} is in the pool {pool.pool}"
            seen = f"the pool is the {pool.source}'s: an overlay may get the same range, and would not come up there"
            yield Finding("H28", "error", ", ".join(row.hosts), what, seen, _anew(row, "RANGE"))


def hosts_that_give_on_lans(seen: Iterable[HostNetwork]) -> frozenset[str]:
    """Return the hosts with a network on a LAN: the ranges that they give out there are compared."""
    return frozenset(one.host for one in seen if _is_given_on_a_lan(one.driver, one.scope, one.parent))


def _is_given_on_a_lan(driver: str, scope: str, parent: str) -> bool:
    return driver in ON_LAN and scope == "local" and bool(parent)


def _given_twice(subnets: Sequence[SubnetRow]) -> Iterator[Finding]:
    """Yield the LANs whose addresses several hosts give: no engine knows of another's."""
    lans = [row for row in subnets if _is_given_on_a_lan(row.driver, row.scope, row.device)]
    for one, other in itertools.combinations_with_replacement(lans, 2):
        hosts = ", ".join(dict.fromkeys((*one.hosts, *other.hosts)))
        if "," in hosts and overlap(one.given, other.given):
            names = " and ".join(dict.fromkeys((one.network, other.network)))
            what = f"several hosts give the same addresses on a LAN, by network {names}"
            seen = ", ".join(dict.fromkeys((one.given, other.given)))
            again = f"swarmkit network rm {other.network}, then create it on all hosts at once"
            yield Finding(
                "D12", "warning", hosts, what, seen, f"where they are on one cable, a range for each: {again}"
            )


def _anew(row: SubnetRow, free: str) -> str:
    """Return how the network of *row* gets another range: an overlay one of the pools', a host's own any other."""
    if row.driver == "overlay":
        in_file = f"in the stack file, for {row.network}: ipam: {{config: [{{subnet: {free}}}]}}"
        options = f"{row.network} -d overlay --encrypted --subnet {free}"
        by_hand = f"swarmkit network rm {row.network} && swarmkit network create {options}"
        return f"{in_file}, then swarmkit up --recreate-networks; one of no stack: {by_hand}"
    on = f"on {', '.join(row.hosts)}"
    if row.network == "bridge":
        return f'{on}, in /etc/docker/daemon.json: "bip": "ADDRESS/PREFIX" of a free range, systemctl restart docker'
    again = f"docker network create -d {row.driver} --subnet RANGE {row.network}"
    more = "with its other options; taken ranges: swarmkit network plan"
    return f"{on}: docker network rm {row.network} && {again}, {more}"


def _subnet_overlaps(subnets: Sequence[SubnetRow], routes: Iterable[RouteRow], free: str) -> Iterator[Finding]:
    for row, route in itertools.product(subnets, routes):
        # A macvlan's range is the LAN's, on purpose. An engine with a new data folder does not know the bridge that it
        # made before, docker_gwbridge, and takes it again when it joins.
        if row.driver not in ON_LAN and route.device != row.network and overlap(row.subnet, route.destination):
            what = f"network {row.network} ({row.subnet}) overlaps {route.destination} by {route.device}"
            seen = "its containers cannot reach that range"
            yield Finding("H28", "error", ", ".join(route.hosts), what, seen, _anew(row, free))
    for one, other in itertools.combinations(subnets, 2):
        shared = set(one.hosts) & set(other.hosts)
        lan = {one.driver, other.driver} <= set(ON_LAN)
        if shared and not lan and overlap(one.subnet, other.subnet):
            what = f"networks {one.network} ({one.subnet}) and {other.network} ({other.subnet}) overlap"
            where = ", ".join(host for host in one.hosts if host in shared)
            seen = f"docker network inspect has both on {where}"
            yield Finding("H28", "error", where, what, seen, _anew(other, free))


def _outside(subnets: Iterable[SubnetRow], pools: Sequence[PoolRow]) -> Iterator[Finding]:
    """Yield an ingress that took no notice of the pools, as older engines' does (HAZARDS H29)."""
    for row in subnets:
        inside = any(overlap(row.subnet, pool.pool) for pool in pools)
        if row.network == "ingress" and not inside and any(pool.source == "swarm" for pool in pools):
            free = next((subnet for pool in pools for subnet in pool.free), "RANGE")
            remedy = (
                "where a host needs that range, before a service publishes a port, on a manager: "
                "echo y | docker network rm ingress && timeout 60 sh -c 'until "
                f"docker network create -d overlay --ingress --subnet {free} ingress; do sleep 1; done' && "
                "docker node ls -q | xargs -n1 docker node update"
            )
            seen = f"the swarm's pools: {', '.join(pool.pool for pool in pools)}"
            yield Finding("H29", "warning", "ingress", f"its {row.subnet} is in no pool of the swarm", seen, remedy)


def _exhausted(subnets: Iterable[SubnetRow], pools: Iterable[PoolRow]) -> Iterator[Finding]:
    told: set[str] = set()
    for row in subnets:
        used, total = row.in_all or (row.used, row.total)
        if row.in_all and row.network in told:
            continue
        if used >= total:
            yield _full(row)
        elif row.driver == "overlay" and used * 10 >= total * 8:
            what = f"network {row.network} is nearly full; an update needs addresses for old and new tasks at once"
            yield Finding(
                "H30",
                "warning",
                row.network,
                what,
                f"{used} of {total}",
                "spread the services over more networks",
            )
        else:
            continue
        told.add(row.network)
    for pool in pools:
        if not pool.free:
            remedy = "give new networks a range of their own: ipam: {config: [{subnet: RANGE}]} in the stack file"
            what = f"pool {pool.pool} has no free /{pool.subnet_prefix}"
            seen = f"{pool.used} of {pool.total} are overlays', what is left runs into routes and networks of the hosts"
            yield Finding("H30", "error", pool.pool, what, seen, remedy)


def _full(row: SubnetRow) -> Finding:
    seen = "{} of {}".format(*(row.in_all or (row.used, row.total)))
    if row.scope == "swarm":
        what = f"network {row.network} has no address left: new tasks would stay in state new"
        return Finding("H30", "error", row.network, what, seen, "spread the services over more networks")
    where, part = ", ".join(row.hosts), f" of {row.range}" if row.range else ""
    what = f"network {row.network} of {where} has no address{part} left: no other container can start on it"
    remedy = f"remove containers, or make it anew with more: swarmkit network rm {row.network}, then create it again"
    return Finding("H30", "error", row.network, what, seen, remedy)


def _clash(first: Network, second: Network) -> bool:
    return first.version == second.version and first.overlaps(second)
