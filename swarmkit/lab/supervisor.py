"""The one process that a lab's hosts belong to: `python -m swarmkit.lab.supervisor STATE_FOLDER`.

It owns the listeners on the machine's loopback, the thread inside the lab's network namespace, and the hosts. When it
ends, by `lab down` or by SIGKILL, hosts and namespace end with it; the disks stay.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from swarmkit.errors import SwarmkitError
from swarmkit.lab import control
from swarmkit.lab.gateway import GuestReport, serve_gateway
from swarmkit.lab.hosting import Hosting
from swarmkit.lab.hosts import LabHost
from swarmkit.lab.machine import Boot
from swarmkit.lab.namespace import LabNamespace
from swarmkit.lab.places import Places
from swarmkit.lab.processors import Processors

log = logging.getLogger(__name__)

Request = dict[str, Any]
Action = Callable[[Request], Awaitable[Any]]


class Supervisor:
    """The hosts by name, and what can be asked of them."""

    def __init__(self, state: Path) -> None:
        self._places = Places(state=state, cache=state)
        self._namespace = LabNamespace()
        self._hosts: dict[str, Hosting] = {}
        self._stopped = asyncio.Event()
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Do what clients ask until one asks to stop."""
        await self._namespace.open()
        await serve_gateway(self._namespace, self._heard)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        accepting = asyncio.create_task(self._accept(listener))
        placing = asyncio.create_task(Processors().keep(self._kernels))
        await self._stopped.wait()
        accepting.cancel()
        placing.cancel()
        await asyncio.gather(*(host.power_off() for host in self._hosts.values()))

    def _kernels(self) -> list[int]:
        return [pid for host in self._hosts.values() if (pid := host.kernel_pid)]

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            task = asyncio.create_task(self._answer(connection))
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)

    async def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                request = json.loads(await _line(connection))
                await self._do(request, connection)
            except SwarmkitError as error:
                control.reply(connection, {"error": [error.what, error.why, error.to_do]})
            except Exception as error:  # the supervisor outlives any request
                log.exception("request failed")
                control.reply(connection, {"error": [f"the lab's supervisor failed: {error}", "", ""]})

    async def _do(self, request: Request, connection: socket.socket) -> None:
        if request["do"] == "capture":
            with await self._namespace.tapped_wire() as wire:
                control.reply(connection, {"result": None}, wire)
            return
        actions: dict[str, Action] = {"status": self._status, "start": self._start, "stop": self._stop}
        action: Action = actions.get(request["do"], self._host_action)
        control.reply(connection, {"result": await action(request)})

    async def _status(self, _: Request) -> list[dict[str, Any]]:
        return [host.status() for host in sorted(self._hosts.values(), key=lambda host: host.boot.host.number)]

    async def _start(self, request: Request) -> list[str]:
        started = []
        for wanted in request["boots"]:
            boot = _boot(self._places, wanted, self._others_megabytes(request["boots"], wanted["host"]["name"]))
            present = self._hosts.get(boot.host.name)
            if present and present.is_on:
                continue
            self._refuse_taken_number(boot.host)
            self._hosts[boot.host.name] = hosting = Hosting(boot, self._namespace)
            await hosting.power_on()
            started.append(boot.host.name)
        return started

    def _others_megabytes(self, boots: list[Request], name: str) -> int:
        """Return the memory of all hosts but *name*: those that are on, and those that come with it."""
        on = [host.boot.host for host in self._hosts.values() if host.is_on]
        there = {host.name: host.memory_megabytes for host in on}
        come = {boot["host"]["name"]: int(boot["host"]["memory_megabytes"]) for boot in boots}
        return sum(megabytes for other, megabytes in {**there, **come}.items() if other != name)

    def _refuse_taken_number(self, host: LabHost) -> None:
        for other in self._hosts.values():
            if other.boot.host.number == host.number and other.boot.host.name != host.name and other.is_on:
                raise SwarmkitError(f"{host.name}: {host.address} is already {other.boot.host.name}'s", "", "")

    async def _stop(self, _: Request) -> None:
        await asyncio.gather(*(host.power_off() for host in self._hosts.values()))
        self._stopped.set()

    async def _host_action(self, request: Request) -> dict[str, Any]:
        host = self._hosts.get(request.get("host", ""))
        if host is None:
            raise SwarmkitError(f"{request.get('host')}: no such host in this lab", f"it has {', '.join(self._hosts)}")
        await _act(host, request["do"])
        return host.status()

    def _heard(self, report: GuestReport) -> None:
        for host in self._hosts.values():
            if host.boot.host.number == report.number:
                host.heard(report)


async def _act(host: Hosting, do: str) -> None:
    name = host.boot.host.name
    if do in ("freeze", "thaw", "cut") and not host.is_on:
        raise SwarmkitError(f"{name}: is off, so nothing was done: {do}", "", f"swarmkit lab fault power-on {name}")
    match do:
        case "power-off":
            await host.power_off()
        case "power-on":
            await host.power_on()
        case "reset":
            await host.reset()
        case "freeze":
            host.freeze()
        case "thaw":
            host.thaw()
        case "cut":
            await host.cut()
        case "heal":
            await host.heal()
        case _:
            raise SwarmkitError(
                f"the lab's supervisor knows no {do!r}", "is it of another version?", "swarmkit lab down"
            )


def _boot(places: Places, wanted: Request, others_megabytes: int) -> Boot:
    host = LabHost(**wanted["host"])
    files = places.host(host.name)
    return Boot(host, files, Path(wanted["base"]), Path(wanted["kernel"]), others_megabytes)


async def _line(connection: socket.socket) -> bytes:
    connection.settimeout(0)
    line = b""
    while not line.endswith(b"\n"):
        data = await asyncio.get_running_loop().sock_recv(connection, 1 << 16)
        if not data:
            raise SwarmkitError("half a request")
        line += data
    return line


def main(state: Path) -> int:
    """Serve the lab in *state*; return at once when another supervisor already does."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.umask(0o077)
    lock = os.open(state / control.LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("another supervisor serves this lab")
        return 0
    with control.listen(state) as listener:
        asyncio.run(Supervisor(state).serve(listener))
    (state / control.SOCKET_NAME).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
