"""One host under supervision: kept running while it is wanted, reachable while it listens."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from dataclasses import asdict
from enum import Enum
from typing import Any

from swarmkit.lab.console import panic_on
from swarmkit.lab.forwarding import Forwarder, published_ports
from swarmkit.lab.gateway import GuestReport
from swarmkit.lab.machine import Boot, Machine, launch
from swarmkit.lab.namespace import LabNamespace

log = logging.getLogger(__name__)

_PANICKED_SECONDS = 5.0
"""How long a kernel may stand after a panic: it should end by itself a second later, and not always does."""
_PAUSE_SECONDS, _FAILING_PAUSE_SECONDS, _FAILING_BELOW_SECONDS = 0.2, 2.0, 3.0


class State(Enum):
    """What a host is doing; *off* was asked for, an ended host is *booting* again at once."""

    OFF = "off"
    BOOTING = "booting"
    READY = "ready"
    FROZEN = "frozen"


class Hosting:
    """A host's kernel, started anew whenever it ends, until its power is switched off."""

    def __init__(self, boot: Boot, namespace: LabNamespace) -> None:
        self.boot = boot
        self._namespace = namespace
        self._forwarder = Forwarder(boot.host, namespace)
        self._machine: Machine | None = None
        self._task: asyncio.Task[None] | None = None
        self._wanted, self._frozen, self._cut = False, False, False
        self._started, self._boots = 0.0, 0
        self._ready_seconds: float | None = None
        self._publishing: set[asyncio.Task[None]] = set()

    @property
    def is_on(self) -> bool:
        return self._wanted

    @property
    def kernel_pid(self) -> int | None:
        return self._machine.kernel_pid if self._machine else None

    @property
    def state(self) -> State:
        if self._frozen:
            return State.FROZEN
        if not self._wanted:
            return State.OFF
        return State.BOOTING if self._ready_seconds is None else State.READY

    async def power_on(self) -> None:
        """Start the host unless it runs."""
        if self._wanted:
            return
        await self._namespace.plug_in(self.boot.host)
        self._cut = False
        self._wanted = True
        self._task = asyncio.create_task(self._keep_running())

    async def power_off(self) -> None:
        """End the host as a power failure does; it stays off until power_on."""
        self._wanted = False
        if self._machine:
            self._machine.cut_power()
        if self._task:
            await self._task
        self._task = None

    async def reset(self) -> None:
        """Boot the host on a fresh disk."""
        await self.power_off()
        self.boot.files.disk.unlink(missing_ok=True)
        await self.power_on()

    def freeze(self) -> None:
        if self._machine and not self._frozen:
            self._machine.signal(signal.SIGSTOP)
            self._frozen = True

    def thaw(self) -> None:
        if self._machine and self._frozen:
            self._machine.signal(signal.SIGCONT)
            self._frozen = False

    async def cut(self) -> None:
        """Pull the host's plug from the cable."""
        await self._namespace.cut(self.boot.host)
        self._cut = True

    async def heal(self) -> None:
        await self._namespace.plug_in(self.boot.host)
        self._cut = False

    def heard(self, report: GuestReport) -> None:
        """Take the host's word for what it listens on."""
        if not self._machine or report.name != self.boot.host.name:
            return
        if report.is_engine_ready and self._ready_seconds is None:
            self._ready_seconds = round(time.monotonic() - self._started, 2)
            log.info("%s: engine ready after %.1f s", self.boot.host.name, self._ready_seconds)
        self._publish(published_ports(self.boot.host, report.listening))

    def status(self) -> dict[str, Any]:
        return {
            **asdict(self.boot.host),
            "address": self.boot.host.address,
            "data_address": self.boot.host.data_address,
            "state": self.state.value,
            "pid": self.kernel_pid,
            "boots": self._boots,
            "ready_seconds": self._ready_seconds,
            "ports": self._forwarder.ports,
            "ports_refused": {str(port): why for port, why in self._forwarder.refused.items()},
            "is_cut": self._cut,
        }

    async def _keep_running(self) -> None:
        while self._wanted:
            self._ready_seconds, self._started = None, time.monotonic()
            self._boots += 1
            self._machine = await self._namespace.run(lambda: launch(self.boot))
            log.info("%s: booting", self.boot.host.name)
            if not self._wanted:  # switched off while it was being launched
                self._machine.cut_power()
            code = await self._end_of(self._machine)
            lasted = time.monotonic() - self._started
            self._machine, self._frozen, self._ready_seconds = None, False, None
            log.info("%s: ended with code %d after %.1f s", self.boot.host.name, code, lasted)
            self._publish({})
            if self._wanted:
                await asyncio.sleep(_PAUSE_SECONDS if lasted > _FAILING_BELOW_SECONDS else _FAILING_PAUSE_SECONDS)

    async def _end_of(self, machine: Machine) -> int:
        """Wait until *machine* ends, and return its exit code; one that has panicked and stands is ended."""
        watching = asyncio.create_task(self._end_after_panic(machine))
        try:
            return await machine.ended()
        finally:
            watching.cancel()

    async def _end_after_panic(self, machine: Machine) -> None:
        line = await panic_on(self.boot.files.console)
        await asyncio.sleep(_PANICKED_SECONDS)
        log.warning("%s: still there after %s; its power is cut", self.boot.host.name, line)
        machine.cut_power()

    def _publish(self, ports: dict[int, int]) -> None:
        task = asyncio.create_task(self._forwarder.publish(ports))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
