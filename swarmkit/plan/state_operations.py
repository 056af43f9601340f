"""Operations on a manager's state as it lies on its disk: taken cold, and put back. Each reads back what it did."""

from __future__ import annotations

import base64
import importlib.resources
from collections.abc import Callable
from dataclasses import dataclass, field

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import EngineError, Json
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandResult, CommandTimeoutError, ConnectionLostError
from swarmkit.secret import Secret

COPY_TIMEOUT_SECONDS = 300.0
START_TIMEOUT_SECONDS = 120.0
_NOT_YET = (EngineError, ConnectionLostError, CommandTimeoutError)


@dataclass(frozen=True)
class TakenState:
    archive: bytes = field(repr=False)
    """tar.gz of the swarm's folder."""
    stopped_seconds: float
    """How long the manager's engine was stopped."""
    unlock_key: Secret


@dataclass(frozen=True)
class TakeState:
    """Stop a manager's engine and its socket, copy the swarm's state, and start it again, whatever happens."""

    step: Step
    sink: Callable[[TakenState], None] = field(repr=False)

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        key, folder = reached.engine.unlock_key(), str(reached.engine.info()["DockerRootDir"])
        said = _run(reached, "take-state.sh", "copy the swarm's state", (folder,))
        first, _, encoded = said.stdout.partition("\n")
        milliseconds = int(first.removeprefix("stopped "))
        _wait_for_engine(reached, key)
        _wait_for_manager(reached)
        self.sink(TakenState(base64.b64decode(encoded), milliseconds / 1000, key))
        return f"its engine was stopped for {milliseconds / 1000:.1f} s"


@dataclass(frozen=True)
class PutState:
    """Move what is there aside, put a backup's state in its place and start the engine; go back when it fails."""

    step: Step
    archive: bytes = field(repr=False)
    aside: str
    """Name of the folder, beside the swarm's, that keeps what was there."""
    unlock_key: Secret

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        folder = str(reached.engine.info()["DockerRootDir"])
        encoded = base64.encodebytes(self.archive).decode()
        moved = _run(reached, "put-state.sh", "put the state back", (folder, self.aside), encoded).stdout.strip()
        _wait_for_engine(reached, self.unlock_key)
        return f"what was there is in {moved}" if moved else ""


def _run(reached: ReachedHost, script: str, what: str, arguments: tuple[str, ...], content: str = "") -> CommandResult:
    text = importlib.resources.files("swarmkit.plan").joinpath(script).read_text().replace("@CONTENT@\n", content)
    result = reached.shell.run(text, arguments, timeout_seconds=COPY_TIMEOUT_SECONDS)
    if result.exit_code != 0:
        raise SwarmkitError(
            f"{reached.host.name}: could not {what}",
            result.stderr.strip()[-500:],
            f"see on {reached.host.name}: systemctl status docker docker.socket",
        )
    return result


def _wait_for_engine(reached: ReachedHost, unlock_key: Secret) -> None:
    """Wait until the engine answers and is a node, unlocking it where its managers lock."""

    def look() -> Json:
        swarm: Json = reached.engine.info()["Swarm"]
        if swarm.get("LocalNodeState") == "locked" and unlock_key.text():
            reached.engine.unlock_swarm(unlock_key)
        return swarm

    swarm = wait_until(
        look,
        lambda swarm: swarm.get("LocalNodeState") == "active" and bool(swarm.get("ControlAvailable")),
        timeout_seconds=START_TIMEOUT_SECONDS,
        retry_on=_NOT_YET,
    )
    if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
        raise NotConvergedError(
            f"{reached.host.name}: its engine runs, but it is no manager: {swarm.get('LocalNodeState')}",
            str(swarm.get("Error") or ""),
            f"see: journalctl -u docker on {reached.host.name}",
        )


def _wait_for_manager(reached: ReachedHost) -> None:
    node_id = str(reached.engine.info()["Swarm"]["NodeID"])
    node = wait_until(
        lambda: parse.node(reached.engine.inspect("nodes", node_id)),
        lambda node: node.state == "ready" and node.reachability == "reachable",
        timeout_seconds=START_TIMEOUT_SECONDS,
        retry_on=_NOT_YET,
    )
    if node.state != "ready" or node.reachability != "reachable":
        raise NotConvergedError(
            f"{reached.host.name}: its engine was started again, but the swarm sees it as {node.state}",
            f"waited {START_TIMEOUT_SECONDS:g} s",
            f"see: journalctl -u docker on {reached.host.name}",
        )
