"""Operations on a manager's state as it lies on its disk: taken cold, and put back. Each reads back what it did."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from swarmkit.errors import InputError, SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import (
    start_network_agent,
    swarm_once,
    wait_for_engine,
    wait_for_locking_manager,
)
from swarmkit.plan.engines.unit import engine_script
from swarmkit.plan.model import Step
from swarmkit.plan.states.down_tasks import DownTasks, Stop, down_tasks, tasks_before
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.locked_state import unlocked_key_file
from swarmkit.secret import Secret

COPY_TIMEOUT_SECONDS = 300.0
NO_KEY = Secret(b"")
_SETTLE_SECONDS = 60.0
"""How long a state that was put back has to become a node; one that lost its quorum stays ``pending``."""


@dataclass(frozen=True)
class TakenState:
    archive: bytes = field(repr=False)
    """tar.gz of the swarm's folder."""
    stopped_seconds: float
    """How long the manager's engine was stopped."""
    unlock_key: Secret
    down: tuple[DownTasks, ...] = ()
    """The tasks that stopped with it."""


@dataclass(frozen=True)
class TakeState:
    """Stop a manager's engine and its socket, copy the swarm's state, and start it again, whatever happens.

    Then it waits until the tasks run again that stopped with it.
    """

    step: Step
    sink: Callable[[TakenState], None] = field(repr=False)

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        key, info = reached.engine.unlock_key(), reached.engine.info()
        before = tasks_before(context.manager, str(info["Swarm"]["NodeID"]))
        said = _run(reached, "take-state.sh", "copy the swarm's state", (str(info["DockerRootDir"]),))
        first, _, encoded = said.stdout.partition("\n")
        words = first.split()
        told = {what: int(milliseconds) / 1000 for what, milliseconds in zip(words[::2], words[1::2], strict=True)}
        wait_for_locking_manager(reached, key)
        restarted = start_network_agent(reached, lambda: wait_for_locking_manager(reached, key))
        stop = Stop(told["since"], told["stopped"], was_once=not restarted)
        context.progress.advanced(self.step.key, "wait until what stopped with it runs again")
        down = down_tasks(context, stop, before)
        self.sink(TakenState(base64.b64decode(encoded), stop.seconds, key, down))
        started = told["stopped"] - told["ended"] - told["copied"]
        parts = f"{told['ended']:.1f} to end with its tasks, {told['copied']:.1f} for the copy, {started:.1f} to start"
        return f"its engine was stopped for {stop.seconds:.1f} s ({parts}){restarted}"


@dataclass(frozen=True)
class PutState:
    """Move what is there aside, put a backup's state in its place and start the engine; go back when it fails."""

    step: Step
    archive: bytes = field(repr=False)
    aside: str
    """Name of the folder, beside the swarm's, that keeps what was there."""
    backup: str
    """Which backup it is, kept beside the state: a later run sees how far this one came."""
    again: bool = False
    """Whether an earlier run has put it in place, and it does not start."""

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        folder = str(reached.engine.info()["DockerRootDir"])
        encoded = base64.encodebytes(self.archive).decode()
        arguments = (folder, self.aside, self.backup, *(["again"] if self.again else []))
        moved = _run(reached, "put-state.sh", "put the state back", arguments, encoded).stdout.strip()
        wait_for_engine(reached, NO_KEY)
        return f"what was there is in {moved}" if moved else ""


@dataclass(frozen=True)
class PutBack:
    """Put what a restore moved aside in its place again and start the engine; what lay there is kept beside."""

    step: Step
    before: str
    """Name of the folder, beside the swarm's, that the restore moved aside."""
    kept: str
    """Name of the folder that keeps what lies there now."""

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        folder = str(reached.engine.info()["DockerRootDir"])
        kept = _run(reached, "put-back.sh", "put back what was there", (folder, self.before, self.kept)).stdout.strip()
        swarm = swarm_once(reached, NO_KEY, lambda swarm: swarm.get("LocalNodeState") != "inactive", _SETTLE_SECONDS)
        told = f"its swarm state is {swarm.get('LocalNodeState')}{': ' * bool(swarm.get('Error'))}{swarm.get('Error')}"
        return f"{told}; what lay there is in {kept}" if kept else told


@dataclass(frozen=True)
class TakeLockOff:
    """Make a manager's key file readable without the unlock key, so that a new cluster can be forced.

    Docker cannot force one of a manager that locks: it would end in no swarm at all, its state still locked on the disk
    (seen on 26.1). The manager locks again by itself when it leads.
    """

    step: Step
    unlock_keys: tuple[Secret, ...]
    """Of which one opens it: a manager may have been away when the key was rotated."""
    restart: bool
    """Whether its engine waits for the key: it reads the file anew only when it starts."""

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        folder = str(reached.engine.info()["DockerRootDir"])
        content = self._opened(self._read(reached, folder))
        how = "restart" if self.restart else "keep"
        _run(reached, "take-lock-off.sh", "take the lock off its state", (folder, how), content)
        if "ENCRYPTED" in self._read(reached, folder):
            raise SwarmkitError(f"{self.step.target}: its state is locked still", "", "run the same again")
        if self.restart:
            wait_for_engine(reached, NO_KEY)
        return "it locks again when it leads"

    def _opened(self, locked: str) -> str:
        why = ""
        for key in self.unlock_keys:
            try:
                return unlocked_key_file(locked, key)
            except InputError as error:
                why = why or error.what
        what = f"{self.step.target}: no unlock key that was given opens its state"
        raise SwarmkitError(what, why, "nothing was changed there; give the key that it was locked with")

    def _read(self, reached: ReachedHost, folder: str) -> str:
        # Never logged: what goes wrong later is told without it.
        script = 'cat "$1/swarm/certificates/swarm-node.key"'
        return reached.shell.run(script, (folder,), timeout_seconds=30).stdout


def _run(reached: ReachedHost, script: str, what: str, arguments: tuple[str, ...], content: str = "") -> CommandResult:
    result = reached.shell.run(engine_script(script, content), arguments, timeout_seconds=COPY_TIMEOUT_SECONDS)
    if result.exit_code != 0:
        raise SwarmkitError(
            f"{reached.host.name}: could not {what}",
            result.stderr.strip()[-500:],
            f"see on {reached.host.name}: systemctl status docker docker.socket",
        )
    return result
