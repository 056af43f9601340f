"""What a host prints of the links of its overlay networks, and of the routes inside containers; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

_VXLAN = re.compile(r" vxlan id (\d+) ")
_LINK = re.compile(r"\d+: (?P<name>[^:@\s]+)[^:]*: <(?P<flags>[^>]*)>")
_BRIDGE = "br"


def vxlan_numbers(links: str) -> frozenset[int]:
    """Return the numbers of *links*, as ``ip -d -o link`` prints them; none where that could not be read."""
    return frozenset(map(int, _VXLAN.findall(links)))


def links_down(links: str) -> tuple[str, ...]:
    """Return what of *links*, as ``ip -d -o link`` prints them, is down or lacks: a bridge, a VXLAN link, the others on
    the bridge. Nothing where they could not be read.
    """
    missing = ("no VXLAN link is there",) if links.strip() and not vxlan_numbers(links) else ()
    return (*_down(links), *missing)


def _down(links: str) -> Iterator[str]:
    for line in links.splitlines():
        found = _LINK.match(line)
        # The kernel puts links of its own into each namespace, as tunl0, which nobody brings up.
        if (
            found
            and (" master " in line or found["name"].startswith(_BRIDGE))
            and "UP" not in found["flags"].split(",")
        ):
            yield f"{found['name']} is down"


def parse_routes(table: str) -> tuple[IPv4Network, ...]:
    """Return what *table*, as the kernel prints it in ``/proc/net/route``, reaches without a gateway.

    The kernel takes a link's routes away when it goes down.
    """
    return tuple(_connected(table))


def _connected(table: str) -> Iterator[IPv4Network]:
    for line in table.splitlines()[1:]:
        _, destination, gateway, _, _, _, _, mask, *_ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            yield IPv4Network((int(_address(destination)), str(_address(mask))))


def _address(digits: str) -> IPv4Address:
    """Return the address that the kernel prints in the order of the machine's own bytes: little endian ones."""
    return IPv4Address(bytes.fromhex(digits)[::-1])
