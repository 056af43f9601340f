"""Address ranges that clash; pure."""

from __future__ import annotations

import ipaddress

RESERVED_ADDRESSES = 3
"""Of a subnet: its network address, its broadcast address and its gateway."""
DEFAULT_PREFIX = 24
"""Of the subnets that a swarm takes of its pools, where nothing else is said."""


def overlap(first: str, second: str) -> bool:
    """Tell whether two ranges in CIDR have an address in common; those of different versions never do."""
    one, other = ipaddress.ip_network(first, strict=False), ipaddress.ip_network(second, strict=False)
    return one.version == other.version and one.overlaps(other)
