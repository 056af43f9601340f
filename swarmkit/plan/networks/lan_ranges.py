"""The addresses of one LAN shared out among hosts: the engines do not know of each other's; pure."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from swarmkit.observed.model import Observed

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def shared_out(
    whole: IpNetwork, hosts: Iterable[str], given: Mapping[str, IpNetwork], taken: Iterable[IpNetwork], amount: int
) -> dict[str, IpNetwork]:
    """Return what is *given*, and for each other of *hosts* a free part of *whole*, if any is left.

    Parts are of a size for twice *amount* hosts: the others are for hosts that come later.
    """
    found, spoken_for = dict(given), [*given.values(), *taken]
    for host in hosts:
        if host not in found:
            free = next((part for part in _parts(whole, amount) if not overlaps(part, spoken_for)), None)
            if free:
                found[host] = free
                spoken_for.append(free)
    return found


def _parts(whole: IpNetwork, amount: int) -> Iterator[IpNetwork]:
    bits = math.ceil(math.log2(2 * amount))
    yield from whole.subnets(new_prefix=min(whole.prefixlen + bits, whole.max_prefixlen))


def overlaps(part: IpNetwork, others: Iterable[IpNetwork]) -> bool:
    return any(part.version == other.version and part.overlaps(other) for other in others)


def own_addresses(observed: Observed, whole: IpNetwork, more: Sequence[str] = ()) -> Iterator[IpNetwork]:
    """Yield the addresses in *whole* that are the hosts' own, or among *more*."""
    own = [address for facts in observed.hosts.values() for address in facts.system.addresses]
    for address in (*own, *more):
        parsed = ipaddress.ip_address(address)
        if parsed in whole:
            yield ipaddress.ip_network(parsed)


def kept_part(entries: Iterable[Mapping[str, str]], whole: IpNetwork) -> IpNetwork | None:
    """Return the range inside *whole* that a network with these *entries* of its IPAM gives addresses of."""
    ranges = (ipaddress.ip_network(entry["IPRange"], strict=False) for entry in entries if entry.get("IPRange"))
    return next((part for part in ranges if _inside(part, whole)), None)


def _inside(part: IpNetwork, whole: IpNetwork) -> bool:
    return part.version == whole.version and part.network_address in whole and part.broadcast_address in whole
