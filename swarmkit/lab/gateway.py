"""What the lab's gateway answers: the hosts' reports of their listening ports, and DNS with an immediate no."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from swarmkit.lab.hosts import DATA_NETWORK
from swarmkit.lab.namespace import LabNamespace

REPORT_PORT, DNS_PORT = 7488, 53

_NO_SUCH_NAME = b"\x81\x83"  # RFC 1035 4.1.1: a response, recursion desired and available, RCODE 3
_HEADER_BYTES = 12


@dataclass(frozen=True)
class GuestReport:
    """What a host says of itself, a few times a second when something changes."""

    number: int
    name: str
    is_engine_ready: bool
    listening: frozenset[int]


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        # Not narrowed by isinstance: Python 3.11's datagram transport is no asyncio.DatagramTransport.
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (reply := self._answer(data, addr)) and self._transport:
            self._transport.sendto(reply, addr)


async def serve_gateway(namespace: LabNamespace, on_report: Callable[[GuestReport], None]) -> None:
    """Answer on the gateway's address from now on."""

    def reported(data: bytes, addr: tuple[str, int]) -> None:
        if report := parse_report(data, addr[0]):
            on_report(report)

    def resolved(data: bytes, addr: tuple[str, int]) -> bytes | None:  # noqa: ARG001 - the protocol's signature
        return refuse_query(data)

    loop = asyncio.get_running_loop()
    reports = await namespace.gateway_socket(REPORT_PORT)
    await loop.create_datagram_endpoint(lambda: _Datagrams(reported), sock=reports)
    queries = await namespace.gateway_socket(DNS_PORT)
    await loop.create_datagram_endpoint(lambda: _Datagrams(resolved), sock=queries)


def parse_report(data: bytes, address: str) -> GuestReport | None:
    """Return the report in a datagram "NAME ready|starting PORT ..." from *address*; None for anything else."""
    network, _, number = address.rpartition(".")
    words = data.decode("ascii", "replace").split()
    if network != DATA_NETWORK or len(words) < 2:
        return None
    ports = frozenset(int(word) for word in words[2:] if word.isdecimal() and 0 < int(word) < 65536)
    return GuestReport(int(number), words[0], words[1] == "ready", ports)


def refuse_query(query: bytes) -> bytes | None:
    """Return the DNS answer "no such name" to *query*.

    There is no outside network. A server that does not answer costs each lookup 20 s and more; this costs nothing.
    """
    end = _HEADER_BYTES
    while end < len(query) and query[end]:
        end += 1 + query[end]
    end += 5
    if len(query) < end:
        return None
    counts = b"\0\1" + bytes(6)
    return query[:2] + _NO_SUCH_NAME + counts + query[_HEADER_BYTES:end]
