"""Carry TCP connections from 127.88.0.N on the machine to 10.88.0.N in the lab."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from swarmkit.lab.hosts import LabHost
from swarmkit.lab.namespace import LabNamespace

log = logging.getLogger(__name__)

SSH_PORT = 22
_SWARM_PORTS = frozenset({2377, 7946})
"""Spoken between hosts only, over the lab's cable."""
_CHUNK_BYTES = 1 << 18


def published_ports(host: LabHost, listening: frozenset[int]) -> dict[int, int]:
    """Return which port of 127.88.0.N leads to which *listening* port of the host."""
    ports = {port: port for port in listening if port != SSH_PORT and port not in _SWARM_PORTS}
    if SSH_PORT in listening:
        ports[host.ssh_port] = SSH_PORT
    return ports


class Forwarder:
    """The listeners of one host."""

    def __init__(self, host: LabHost, namespace: LabNamespace) -> None:
        self._host, self._namespace = host, namespace
        self._servers: dict[int, asyncio.Server] = {}
        self._lock = asyncio.Lock()
        self.refused: dict[int, str] = {}

    @property
    def ports(self) -> list[int]:
        return sorted(self._servers)

    async def publish(self, ports: Mapping[int, int]) -> None:
        """Listen on exactly these *ports*; connections that are open stay open."""
        async with self._lock:
            for port in self._servers.keys() - ports.keys():
                self._servers.pop(port).close()
            self.refused = {port: why for port, why in self.refused.items() if port in ports}
            for outer in ports.keys() - self._servers.keys():
                await self._listen(outer, ports[outer])

    async def _listen(self, outer: int, inner: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # asyncio reports a cancelled connection as a crash; it is what the supervisor's end does to all of them.
            with contextlib.suppress(asyncio.CancelledError):
                await self._carry(inner, reader, writer)

        try:
            self._servers[outer] = await asyncio.start_server(
                connected, self._host.address, outer, limit=_CHUNK_BYTES, backlog=256
            )
        except OSError as error:
            if outer not in self.refused:
                log.warning("%s: port %d is not published: %s", self._host.name, outer, error)
            self.refused[outer] = str(error)

    async def _carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inside = await self._namespace.dial(self._host.data_address, port)
        except (OSError, TimeoutError) as error:
            log.info("%s: port %d: %s", self._host.name, port, error)
            writer.transport.abort()
            return
        lab_reader, lab_writer = await asyncio.open_connection(sock=inside, limit=_CHUNK_BYTES)
        try:
            async with asyncio.TaskGroup() as both_ways:
                both_ways.create_task(_pump(reader, lab_writer))
                both_ways.create_task(_pump(lab_reader, writer))
        except* OSError:
            writer.transport.abort()
            lab_writer.transport.abort()
        finally:
            writer.close()
            lab_writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK_BYTES):
        target.write(data)
        await target.drain()
    # Half a close is passed on as half a close: `docker save | ssh` ends its input and still reads the answer.
    with contextlib.suppress(OSError):
        target.write_eof()
