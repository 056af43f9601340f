"""Gateways and address ranges of a command line, each put to the subnet that holds it, as Docker's tool does."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from swarmkit.errors import InputError


def in_subnets(option: str, values: Sequence[str], subnets: Sequence[str]) -> tuple[str, ...]:
    """Return for each of *subnets* the one of *values* that it holds, or nothing.

    Raises InputError for a value that is no address or range, that no subnet holds, or that is the second in one.
    """
    found = dict.fromkeys(subnets, "")
    for value in values:
        try:
            inner = ipaddress.ip_network(value, strict=False)
        except ValueError:
            raise InputError(f"{option} {value!r} is no address", to_do="write it as 10.30.0.1") from None
        subnet = next((one for one in subnets if _holds(ipaddress.ip_network(one), inner)), None)
        if subnet is None:
            raise InputError(f"no --subnet holds {option} {value}", to_do="give the --subnet that it is of")
        if found[subnet]:
            raise InputError(
                f"{option} {value}: {subnet} has {found[subnet]} already", to_do="give one for each subnet"
            )
        found[subnet] = value
    return tuple(found.values()) if values else ()


def ipv4_address(option: str, value: str) -> str:
    """Return *value*, which may be empty; raises InputError for what is no IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(value)) if value else ""
    except ValueError:
        raise InputError(f"{option} {value!r} is no IPv4 address", to_do="write it as 10.30.0.9") from None


def _holds(
    subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, inner: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    if isinstance(subnet, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(subnet)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(subnet)
