"""Addresses of a command line, each put to the subnet that holds it, as Docker's tool does."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from swarmkit.errors import InputError

Range = ipaddress.IPv4Network | ipaddress.IPv6Network


def in_subnets(option: str, values: Sequence[str], subnets: Sequence[str]) -> tuple[str, ...]:
    """Return for each of *subnets* the one of *values* that it holds, or nothing.

    Raises InputError for a value that is no address or range, that no subnet holds, or that is the second in one.
    """
    found = dict.fromkeys(subnets, "")
    for value in values:
        subnet = _subnet_of(option, value, subnets)
        if found[subnet]:
            raise InputError(
                f"{option} {value}: {subnet} has {found[subnet]} already", to_do="give one for each subnet"
            )
        found[subnet] = value
    return tuple(found.values()) if values else ()


def auxiliary(
    option: str, named: Mapping[str, str], subnets: Sequence[str], gateways: Sequence[str]
) -> tuple[dict[str, str], ...]:
    """Return for each of *subnets* those of the *named* addresses that it holds.

    Raises InputError for what is no address, that no subnet holds, or that is given twice: the engine would say that it
    is in use.
    """
    found: dict[str, dict[str, str]] = {subnet: {} for subnet in subnets}
    given = {_address(option, gateway): "the gateway" for gateway in gateways if gateway}
    for name, value in named.items():
        address = _address(option, value)
        if address in given:
            raise InputError(f"{option} {name}={value} is {given[address]} already", to_do="give each address once")
        given[address] = name
        found[_subnet_of(option, value, subnets)][name] = address
    return tuple(found.values()) if named else ()


def ipv4_address(option: str, value: str) -> str:
    """Return *value*, which may be empty; raises InputError for what is no IPv4 address."""
    try:
        return str(ipaddress.IPv4Address(value)) if value else ""
    except ValueError:
        raise InputError(f"{option} {value!r} is no IPv4 address", to_do="write it as 10.30.0.9") from None


def ipv6_address(option: str, value: str) -> str:
    """Return *value* as engines write it, which may be empty; raises InputError for what is no IPv6 address."""
    try:
        return str(ipaddress.IPv6Address(value)) if value else ""
    except ValueError:
        raise InputError(f"{option} {value!r} is no IPv6 address", to_do="write it as fd00:30::9") from None


def addresses(option: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return *values* as engines write them; raises InputError for one that is no address of IPv4 or IPv6."""
    return tuple(_address(option, value) for value in values)


def _address(option: str, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise InputError(f"{option} {value!r} is no address", to_do="write it as 10.30.0.1") from None


def _subnet_of(option: str, value: str, subnets: Sequence[str]) -> str:
    try:
        inner = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise InputError(f"{option} {value!r} is no address", to_do="write it as 10.30.0.1") from None
    subnet = next((one for one in subnets if _holds(ipaddress.ip_network(one), inner)), None)
    if subnet is None:
        raise InputError(f"no --subnet holds {option} {value}", to_do="give the --subnet that it is of")
    return subnet


def _holds(subnet: Range, inner: Range) -> bool:
    if isinstance(subnet, ipaddress.IPv4Network):
        return isinstance(inner, ipaddress.IPv4Network) and inner.subnet_of(subnet)
    return isinstance(inner, ipaddress.IPv6Network) and inner.subnet_of(subnet)
