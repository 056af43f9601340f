"""What listens in a container, from its ``/proc/PID/net/tcp`` and ``tcp6``; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Listener:
    address: Address
    port: int

    def serves(self, address: str) -> bool:
        """Return whether it takes connections to *address*: one to all addresses, or to this one."""
        return self.address.is_unspecified or str(self.address) == address


def parse_listeners(lines: Iterable[str]) -> tuple[Listener, ...]:
    """Return the listeners of *lines*, each an address as the kernel prints it, such as ``0100007F:1F90``."""
    return tuple(_listener(line.strip()) for line in lines if line.strip())


def ports_at(listeners: Iterable[Listener], address: str) -> frozenset[int]:
    return frozenset(listener.port for listener in listeners if listener.serves(address))


def _listener(text: str) -> Listener:
    # The kernel prints an address as native 32-bit words (net/ipv4/tcp_ipv4.c, get_tcp4_sock): little-endian here.
    words, _, port = text.partition(":")
    packed = b"".join(bytes.fromhex(words[at : at + 8])[::-1] for at in range(0, len(words), 8))
    address = ipaddress.ip_address(packed)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return Listener(address.ipv4_mapped, int(port, 16))
    return Listener(address, int(port, 16))
