"""Addresses, names and jump hosts: what may be written, and why not."""

from __future__ import annotations

import ipaddress
import re

from swarmkit.declared.documents.complaints import shown
from swarmkit.declared.documents.field import Field
from swarmkit.declared.inventory.host import JumpHost

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HOST_GATEWAY = "host-gateway"

# Of services and networks, which the engine's DNS answers for (moby/swarmkit manager/controlapi/common.go).
_DNS_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}", re.ASCII)
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_JUMP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]*)@)?(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?/?")


def ip_address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(text: str) -> bool:
    """Tell whether *text* is reached on its own host alone: a loopback address, IPv6 in brackets too, or localhost."""
    address = ip_address(text.strip("[]"))
    return address.is_loopback if address else text == "localhost"


def extra_host(text: str) -> tuple[str, str]:
    """Return the name and the address of ``NAME:ADDRESS`` or ``NAME=ADDRESS``, without brackets."""
    name, _, address = text.partition("=" if "=" in text else ":")
    return name, without_brackets(address)


def without_brackets(address: str) -> str:
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def is_extra_host(name: str, address: str) -> bool:
    """Tell whether a container's hosts file may have it; the engine fills in what ``host-gateway`` is."""
    return bool(name) and (ip_address(address) is not None or address == HOST_GATEWAY)


def is_host_address(text: str) -> bool:
    """Return whether *text* is an IP address or a host name; ``10.0.0.300`` is neither."""
    if ip_address(text):
        return True
    last = text.rstrip(".").rpartition(".")[2]
    return len(text) <= 253 and bool(_HOST_NAME.fullmatch(text)) and not last.isdigit()


def read_address(field: Field) -> str | None:
    text = field.text("B11")
    if text is None:
        return None
    if "{{" in text:
        refuse_template(field)
        return None
    if not is_host_address(text):
        field.refuse("B11", f"{shown(text)} is not an IP address or host name", "write it without scheme, port or mask")
        return None
    return text


def read_advertised(field: Field) -> str | None:
    """Return an IP address that other nodes can use; interface names are not taken, unlike in Docker."""
    text = field.text("B12")
    if text is None:
        return None
    if "{{" in text:
        refuse_template(field)
        return None
    address = ip_address(text)
    if address is None:
        field.refuse(
            "B12", f"{shown(text)} is not an IP address", "write the host's own address, not an interface name"
        )
        return None
    if why := not_advertisable(address):
        field.refuse("B12", f"{text} cannot be advertised to peers ({why})", "write the address the other nodes reach")
        return None
    return str(address)


def not_advertisable(address: Address) -> str:
    reasons = (
        (address.is_unspecified, "unspecified address"),
        (address.is_loopback, "loopback address"),
        (address.is_multicast, "multicast address"),
        (address.is_link_local and address.version == 6, "link-local address"),
        (getattr(address, "scope_id", None) is not None, "address with a zone"),
        (str(address) == "255.255.255.255", "broadcast address"),
    )
    return next((why for holds, why in reasons if holds), "")


def read_user(field: Field) -> str | None:
    text = field.text("B18")
    if text is not None and "{{" in text:
        refuse_template(field)
        return None
    if text is not None and not NAME.fullmatch(text):
        field.refuse("B18", f"user {shown(text)}: only [A-Za-z0-9._-], may not begin with '-'")
        return None
    return text


def read_jumps(field: Field) -> tuple[JumpHost, ...]:
    """Return the hops of a ``swarm_jump``: one, several with commas, or a list; the first is reached first."""
    if field.is_list:
        return tuple(jump for item in field.items("B11") for jump in read_jumps(item))
    text = field.text("B11")
    return parse_jumps(text, field) if text else ()


def parse_jumps(text: str, field: Field) -> tuple[JumpHost, ...]:
    return tuple(jump for hop in text.split(",") if (jump := _parse_jump(hop.strip(), field)))


def _parse_jump(hop: str, field: Field) -> JumpHost | None:
    match = _JUMP.fullmatch(hop)
    address = (match["host"] if match else "").strip("[]")
    user = match["user"] if match else None
    port = int(match["port"]) if match and match["port"] else None
    well_named = is_host_address(address) and (user is None or NAME.fullmatch(user))
    if not well_named or not (port is None or 1 <= port <= 65535):
        field.refuse("B11", f"jump host {shown(hop)} is not of the form user@host:port")
        return None
    return JumpHost(address, port, user)


def check_dns_name(field: Field, name: str, what: str) -> None:
    """Complain about the full *name* of a service or network that the engine would refuse."""
    if not _DNS_NAME.fullmatch(name):
        field.refuse(
            "B18", f"{what} name {shown(name)}: only [A-Za-z0-9_-], begins and ends with [A-Za-z0-9], 63 at most"
        )


def refuse_template(field: Field) -> None:
    field.refuse(
        "B05", f"the template {shown(field.word)} is not evaluated here", "write the value itself, or a plain variable"
    )
