"""The lab's network namespace: a bridge in it is the cable, a tap on the bridge is a host's plug.

A network namespace belongs to a thread. One thread of the supervisor leaves the machine's namespace for a new, nameless
one; what it opens or starts is in the lab, and sockets stay there whoever uses them. All else in the supervisor remains
on the machine. The namespace ends with the supervisor, so nothing is left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from swarmkit.lab.hosts import GATEWAY, LabHost
from swarmkit.lab.packages import find_tool

BRIDGE = "cable"

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_ETH_P_ALL = 3  # linux/if_ether.h
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_PROMISC = 263, 1, 1  # linux/socket.h, linux/if_packet.h

T = TypeVar("T")


class LabNamespace:
    """The thread that lives in the lab, and what it does there for others."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="in-the-lab")

    async def run(self, work: Callable[[], T]) -> T:
        """Return what *work* returns when it is called inside the lab."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def open(self) -> None:
        """Leave the machine's network for a new one and lay the cable."""
        await self.run(_enter_new_namespace)

    async def plug_in(self, host: LabHost) -> None:
        """Make the host's tap and put it on the bridge, if it is not there yet."""
        tap = tap_name(host)
        await self.run(lambda: _ip(f"tuntap add {tap} mode tap", may_exist=True))
        await self.run(lambda: _ip(f"link set {tap} master {BRIDGE} up"))

    async def cut(self, host: LabHost) -> None:
        """Take the host off the cable.

        Not by setting the tap down: the guest's device stays dead after that until the guest boots.
        """
        await self.run(lambda: _ip(f"link set {tap_name(host)} nomaster"))

    async def dial(self, address: str, port: int) -> socket.socket:
        """Return a socket connected to a host of the lab; raises OSError."""
        connection = await self.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        connection.settimeout(0)
        try:
            async with asyncio.timeout(30):
                await asyncio.get_running_loop().sock_connect(connection, (address, port))
        except BaseException:
            connection.close()
            raise
        return connection

    async def gateway_socket(self, port: int) -> socket.socket:
        """Return a UDP socket on the gateway's address."""
        return await self.run(lambda: _bound_udp(GATEWAY, port))

    async def tapped_wire(self) -> socket.socket:
        """Return a raw socket that gets every frame on the cable, once."""
        return await self.run(_packet_socket)


def tap_name(host: LabHost) -> str:
    return f"tap{host.number}"


def _enter_new_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"no network namespace for the lab: {os.strerror(number)}")
    # /proc/sys/net shows the network of the thread that looks.
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
    _ip(f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
    _ip(f"address add {GATEWAY}/24 dev {BRIDGE}")
    _ip(f"link set {BRIDGE} up")
    _ip("link set lo up")


def _ip(command: str, *, may_exist: bool = False) -> None:
    result = subprocess.run(
        [find_tool("ip") or "ip", *command.split()],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if result.returncode and not (may_exist and "busy" in result.stderr.lower()):
        raise OSError(f"ip {command}: {result.stderr.strip()}")


def _bound_udp(address: str, port: int) -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.settimeout(0)
    udp.bind((address, port))
    return udp


def _packet_socket() -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    with contextlib.suppress(PermissionError):  # beyond the machine's limit for root only
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 32 << 20)
    packets.bind((BRIDGE, _ETH_P_ALL))
    # A bridge shows frames between its ports only while it is promiscuous; the membership ends with the socket.
    index = socket.if_nametoindex(BRIDGE)
    request = index.to_bytes(4, "little") + _PACKET_MR_PROMISC.to_bytes(2, "little") + bytes(10)
    packets.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
    return packets
