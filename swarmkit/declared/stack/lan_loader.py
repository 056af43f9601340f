"""A macvlan or ipvlan network of a stack: the devices under it, and the addresses that each host gives."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack import values
from swarmkit.declared.stack.refused_keys import refuse_other_keys
from swarmkit.declared.stack.service import Lan, LanHost
from swarmkit.declared.stack.stack_keys import LAN_HOST_KEYS, LAN_KEYS

DRIVERS = ("macvlan", "ipvlan")
_EXAMPLE = "write x-swarmkit: {parent: eth0, range: 10.0.0.192/26}"


def read_lan(own: Field | None, network: Field, driver: str, subnets: tuple[str, ...]) -> Lan | None:
    """Return what ``x-swarmkit`` says of a network with *driver*; None after a complaint."""
    if own is None:
        what = f"a {driver} network needs the hosts' device under it, and the addresses that its tasks may have"
        network.refuse("B32", what, _EXAMPLE)
        return None
    refuse_other_keys(own, LAN_KEYS)
    if len(subnets) != 1:
        network.refuse(
            "B25", f"a {driver} network needs one subnet: the LAN's", "write ipam: {config: [{subnet: ...}]}"
        )
        return None
    parts = own.fields()
    lan = Lan(
        parent=_text(parts, "parent"),
        gateway=_text(parts, "gateway"),
        address_range=_text(parts, "range"),
        hosts=_hosts(parts.get("hosts")),
    )
    taken = network.fields()["driver_opts"].fields().get("parent") if "driver_opts" in network.fields() else None
    if taken and lan.parent:
        taken.warn("B31", "x-swarmkit names the parent, and this one is passed over", "remove one of the two")
    for place, what in _complaints(parts, lan, ipaddress.ip_network(subnets[0])):
        place.refuse("B25", what, f"the subnet is {subnets[0]}")
    if lan.address_range is None and any(host.address_range is None for host in lan.hosts.values()):
        own.refuse("B25", "which addresses may the tasks have?", f"{_EXAMPLE}, or a range for each of the hosts")
    elif lan.address_range is None and not lan.hosts:
        own.refuse("B25", "which addresses may the tasks have?", _EXAMPLE)
    return lan


def _text(parts: dict[str, Field], key: str) -> str | None:
    return (values.string(parts[key]) or None) if key in parts else None


def _hosts(field: Field | None) -> dict[str, LanHost]:
    found = {}
    for name, place in (field.fields() if field else {}).items():
        refuse_other_keys(place, LAN_HOST_KEYS)
        parts = place.fields()
        found[name] = LanHost(_text(parts, "parent"), _text(parts, "range"))
    return found


def _complaints(
    parts: dict[str, Field], lan: Lan, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> Iterator[tuple[Field, str]]:
    if lan.gateway and not _inside(f"{lan.gateway}/{subnet.max_prefixlen}", subnet):
        yield parts["gateway"], f"the gateway {shown(lan.gateway)} is no address of the subnet"
    if lan.address_range and not _inside(lan.address_range, subnet):
        yield parts["range"], f"{shown(lan.address_range)} is no range of the subnet"
    ranges = {name: host.address_range for name, host in lan.hosts.items() if host.address_range}
    wrong = [name for name, text in ranges.items() if not _inside(text, subnet)]
    for name in wrong:
        yield parts["hosts"], f"{shown(ranges[name])} of {name} is no range of the subnet"
    if not wrong:
        for (one, first), (other, second) in itertools.combinations(ranges.items(), 2):
            if ipaddress.ip_network(first).overlaps(ipaddress.ip_network(second)):
                yield parts["hosts"], f"{first} of {one} overlaps {second} of {other}: two tasks could get one address"


def _inside(text: str, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        inner = ipaddress.ip_network(text)
    except ValueError:
        return False
    return inner.version == subnet.version and inner.network_address in subnet and inner.broadcast_address in subnet
