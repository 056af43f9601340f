"""Waiting until nothing of a removed stack is left on any host, and taking away what its engines forgot."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.retry import wait_until

_NOT_RUNNING = ("created", "exited", "dead", "removing")
"""A container that could not be started stays ``created``."""


@dataclass(frozen=True)
class AwaitGone:
    """Wait until no host has a container of the stack; a network or volume in use cannot be removed.

    A container that has ended and that its engine keeps is removed then: 20.10 keeps all those of a job whose service
    was removed, for good (seen on the lab).
    """

    step: Step
    stack: str
    timeout_seconds: float = 120.0
    ended_seconds: float = 10.0
    """How long an engine may take to remove by itself what has ended."""

    def run(self, context: Context) -> str:
        running = wait_until(
            lambda: self._left(context, running=True), lambda left: not left, timeout_seconds=self.timeout_seconds
        )
        if running:
            hosts = ", ".join(sorted({host for host, _ in running}))
            to_do = f"see on {hosts}: docker ps --filter label={self._label}; then run the same again"
            raise SwarmkitError(f"containers of stack {self.stack} still run on {hosts}", "", to_do)
        ended = wait_until(lambda: self._left(context), lambda left: not left, timeout_seconds=self.ended_seconds)
        for host, container in ended:
            _remove(context.reached(host).engine, str(container["Id"]))
        return f"removed {len(ended)} ended containers that their engines had kept" if ended else ""

    @property
    def _label(self) -> str:
        return f"com.docker.stack.namespace={self.stack}"

    def _left(self, context: Context, *, running: bool = False) -> list[tuple[str, Json]]:
        return [
            (host, container)
            for host, reached in context.fleet.items()
            for container in reached.engine.find("containers", {"label": [self._label]})
            if not running or container.get("State") not in _NOT_RUNNING
        ]


def _remove(engine: Engine, container: str) -> None:
    try:
        engine.remove("containers", container)
    except EngineError as error:
        # The engine did it itself at last, or is at it.
        if error.status not in (404, 409):
            raise
