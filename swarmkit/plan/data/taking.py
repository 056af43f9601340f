"""Operations that take a volume's data, or an image, into a backup as a stream."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed.model import FILLED_LABEL
from swarmkit.plan.context import Context
from swarmkit.plan.data.attributes import KEEPING, not_kept
from swarmkit.plan.data.holding import hold, release
from swarmkit.plan.data.marked import MarkedVolume
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Json
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.retry import wait_until

IDLE_SECONDS = 900.0
"""How long a command may print nothing: a dump may think long before its first line."""
STOP_TIMEOUT_SECONDS = 300.0
CONTAINER_TIMEOUT_SECONDS = 120.0
# A database whose health check has not passed yet takes no connections; one without a check tells nothing.
_STARTED = ["none", "healthy", "unhealthy"]

Put = Callable[[bytes], object]
Adding = Callable[[str], AbstractContextManager[Put]]
"""Opens a file of the archive by its name and yields what takes its bytes."""

_EXEC = 'exec docker exec "$@"'
_TAR = f'{KEEPING}exec tar -C "$1" $keep --numeric-owner -cf - .'
_SAVE = 'exec docker image save "$1"'


@dataclass(frozen=True)
class TakenVolume:
    volume: MarkedVolume
    body: Json
    """Driver, Options and Labels, as the engine tells them."""
    interruption_seconds: float


@dataclass(frozen=True)
class DumpVolume:
    """Keep what a command in the service's container prints; the service goes on meanwhile."""

    step: Step
    volume: MarkedVolume
    adding: Adding = field(repr=False)
    sink: Callable[[TakenVolume], None] = field(repr=False)

    def run(self, context: Context) -> str:
        reached = context.reached(self.volume.host)
        container = running_container(reached, self.volume.service)
        what = f"dump {self.volume.name} by {self.volume.dump[0]}"
        size, _ = _stream(reached, _EXEC, (container, *self.volume.dump), self.adding(self.volume.file), what)
        if size == 0:
            raise SwarmkitError(f"{self.volume.host}: {self.volume.dump[0]} printed nothing for {self.volume.name}")
        self.sink(TakenVolume(self.volume, _body(reached, self.volume.name), 0.0))
        return f"{size} bytes, no interruption"


@dataclass(frozen=True)
class CopyVolume:
    """Stop the service, copy the volume's files, and start it again, whatever happens."""

    step: Step
    volume: MarkedVolume
    adding: Adding = field(repr=False)
    sink: Callable[[TakenVolume], None] = field(repr=False)

    def run(self, context: Context) -> str:
        reached, manager = context.reached(self.volume.host), context.manager
        folder = str(reached.engine.inspect("volumes", self.volume.name)["Mountpoint"])
        begin = time.monotonic()
        hold(manager, self.volume.service, "backup")
        try:
            _wait_until_unused(reached, self.volume.name)
            what = f"copy the files of {self.volume.name}"
            size, told = _stream(reached, _TAR, (folder,), self.adding(self.volume.file), what)
        finally:
            release(manager, self.volume.service)
        context.await_service(self.volume.service, self.step.key)
        seconds = time.monotonic() - begin
        self.sink(TakenVolume(self.volume, _body(reached, self.volume.name), seconds))
        return f"{size} bytes, {self.volume.service} was interrupted for {seconds:.1f} s{not_kept(told)}"


@dataclass(frozen=True)
class SaveImage:
    """Keep an image as the docker-archive that `docker image save` makes."""

    step: Step
    reference: str
    file: str
    adding: Adding = field(repr=False)

    def run(self, context: Context) -> str:
        what = f"save image {self.reference}"
        size, _ = _stream(context.reached(self.step.target), _SAVE, (self.reference,), self.adding(self.file), what)
        return f"{size / 1e6:.0f} MB"


def running_container(reached: ReachedHost, service: str) -> str:
    """Return the id of the service's running container on a host; a task that moves or starts there is waited for.

    After a restore the managers tell of a task on an old node for as long as they do not know that it is down.
    """
    label = f"com.docker.swarm.service.name={service}"
    wanted = {"label": [label], "status": ["running"], "health": _STARTED}
    found = wait_until(
        lambda: reached.engine.find("containers", wanted),
        lambda found: len(found) == 1,
        timeout_seconds=CONTAINER_TIMEOUT_SECONDS,
    )
    if len(found) != 1:
        running = reached.engine.find("containers", {key: value for key, value in wanted.items() if key != "health"})
        if len(running) == 1:
            raise SwarmkitError(
                f"{reached.host.name}: service {service} runs there, but its health check has not passed yet",
                f"waited for it for {CONTAINER_TIMEOUT_SECONDS:g} s",
                to_do="see: docker service ps, and docker logs of the container there; then run the same again",
            )
        raise SwarmkitError(
            f"{reached.host.name}: service {service} has {len(found)} running containers there, one is needed",
            f"waited for it for {CONTAINER_TIMEOUT_SECONDS:g} s",
            to_do="see: docker service ps, and run the same again",
        )
    return str(found[0]["Id"])


def _stream(
    reached: ReachedHost, script: str, arguments: tuple[str, ...], adding: AbstractContextManager[Put], what: str
) -> tuple[int, str]:
    """Put what *script* prints into the archive, and return how many bytes that were, and what it said on stderr."""
    size = 0
    with adding as put:

        def count(data: bytes) -> None:
            nonlocal size
            size += len(data)
            put(data)

        result = reached.shell.pipe(script, arguments, sink=count, idle_seconds=IDLE_SECONDS)
        if result.exit_code != 0:
            raise SwarmkitError(
                f"{reached.host.name}: could not {what}",
                result.stderr.strip()[-500:] or f"exit code {result.exit_code}",
                "there is no backup; correct the command in the stack file and run the same again",
            )
    return size, result.stderr


def _body(reached: ReachedHost, name: str) -> Json:
    found = reached.engine.inspect("volumes", name)
    labels = {key: value for key, value in (found.get("Labels") or {}).items() if key != FILLED_LABEL}
    return {"Driver": str(found["Driver"]), "Options": dict(found.get("Options") or {}), "Labels": labels}


def _wait_until_unused(reached: ReachedHost, volume: str) -> None:
    used = {"volume": [volume], "status": ["running"]}
    left = wait_until(
        lambda: reached.engine.find("containers", used), lambda found: not found, timeout_seconds=STOP_TIMEOUT_SECONDS
    )
    if left:
        names = ", ".join(str(one["Names"][0]).removeprefix("/") for one in left)
        raise NotConvergedError(
            f"{reached.host.name}: volume {volume} is still in use", f"by {names}", "stop what else uses it"
        )
