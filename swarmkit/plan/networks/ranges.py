"""Address ranges that clash; pure."""

from __future__ import annotations

import ipaddress

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed

RESERVED_ADDRESSES = 3
"""Of a subnet: its network address, its broadcast address and its gateway."""
_DEFAULT_PREFIX = 24


def pool_prefix(inventory: Inventory, observed: Observed) -> int:
    """Return the prefix of the subnets that the swarm takes of its pools: fixed when it was made."""
    if observed.cluster and observed.cluster.pool_prefix:
        return observed.cluster.pool_prefix
    return inventory.address_pool_prefix or _DEFAULT_PREFIX


def overlap(first: str, second: str) -> bool:
    """Tell whether two ranges in CIDR have an address in common; those of different versions never do."""
    one, other = ipaddress.ip_network(first, strict=False), ipaddress.ip_network(second, strict=False)
    return one.version == other.version and one.overlaps(other)


def is_inside(subnet: str, pool: str) -> bool:
    """Tell whether all of *subnet* is in *pool*."""
    inner, outer = ipaddress.ip_network(subnet), ipaddress.ip_network(pool)
    return inner.version == outer.version and inner.network_address in outer and inner.prefixlen >= outer.prefixlen
