"""Operations on a swarm's credentials: tokens, CA, unlock key. What is secret is compared, and kept nowhere but where
the operator asked for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.parse import swarm_state
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import start_network_agent, wait_for_locking_manager, wait_for_manager
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.changed_swarm import change_swarm
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.secret import Secret

CA_TIMEOUT_SECONDS = 300.0
UNLOCK_TIMEOUT_SECONDS = 60.0


def _line(key: Secret) -> bytes:
    return key.reveal() + b"\n"


@dataclass(frozen=True)
class KeyFile:
    """Where a new unlock key goes, and in which form: a line, or sealed."""

    path: Path
    form: Callable[[Secret], bytes] = field(default=_line, repr=False)
    unfinished: tuple[Path, ...] = ()
    """Files without a key: of runs that ended between the key's change and its keeping."""


@dataclass(frozen=True)
class RotateTokens:
    step: Step

    def run(self, context: Context) -> str:
        old = context.manager.swarm()["JoinTokens"]
        change_swarm(context.manager, lambda spec: spec, "WorkerToken", "ManagerToken")
        new = context.manager.swarm()["JoinTokens"]
        same = [role.lower() for role, token in old.items() if new.get(role) == token]
        if same:
            raise NotConvergedError(f"the join tokens were rotated, but not that of the {' and the '.join(same)}")
        return "the old tokens let nobody in any more"


@dataclass(frozen=True)
class RotateCa:
    """Make a new root certificate; over when every node has one of its own signed by it."""

    step: Step

    def run(self, context: Context) -> str:
        manager = context.manager
        old = manager.swarm()["TLSInfo"]["TrustRoot"]
        change_swarm(manager, _with_forced_rotation)
        # The nodes tell of their new certificates a moment after the swarm says that it is over.
        over, behind = wait_until(
            lambda: _rotation(manager, old),
            lambda state: state[0] and not state[1],
            timeout_seconds=CA_TIMEOUT_SECONDS,
            interval_seconds=1.0,
            retry_on=(EngineError, ConnectionLostError),
        )
        if not over or behind:
            raise NotConvergedError(
                "the CA's rotation is not over",
                f"waited {CA_TIMEOUT_SECONDS:g} s for: {', '.join(behind) or 'the new root'}",
                "it goes on by itself when the nodes are ready: see docker node ls; what is left of a join that never "
                "ended, swarmkit up removes",
            )
        return f"{len(manager.find('nodes'))} nodes have new certificates"


def _rotation(manager: Engine, old_root: str) -> tuple[bool, list[str]]:
    """Return whether the swarm has another root than *old_root*, and the nodes whose certificates are of another."""
    swarm = manager.swarm()
    root = swarm["TLSInfo"]["TrustRoot"]
    behind = [
        parse.node(node).name
        for node in manager.find("nodes")
        # The entry of a join that never ended has neither a host name nor a certificate of its own.
        if ((node.get("Description") or {}).get("TLSInfo") or {}).get("TrustRoot") != root
    ]
    return not swarm.get("RootRotationInProgress") and root != old_root, behind


def _with_forced_rotation(spec: Json) -> Json:
    config = spec.get("CAConfig") or {}
    return {**spec, "CAConfig": {**config, "ForceRotate": int(config.get("ForceRotate") or 0) + 1}}


@dataclass(frozen=True)
class SetAutolock:
    step: Step
    on: bool
    key_file: KeyFile | None = None

    def run(self, context: Context) -> str:
        descriptor = _made(self.key_file) if self.key_file else None
        change_swarm(context.manager, lambda spec: {**spec, "EncryptionConfig": {"AutoLockManagers": self.on}})
        if bool((context.manager.swarm()["Spec"].get("EncryptionConfig") or {}).get("AutoLockManagers")) != self.on:
            raise NotConvergedError(f"autolock was set {'on' if self.on else 'off'}, but is not")
        return _keep(descriptor, context.manager.unlock_key(), self.key_file)


@dataclass(frozen=True)
class KeepUnlockKey:
    """Keep the key that is in force, which an earlier run made and did not come to keep."""

    step: Step
    key_file: KeyFile

    def run(self, context: Context) -> str:
        return _keep(_made(self.key_file), context.manager.unlock_key(), self.key_file)


@dataclass(frozen=True)
class RotateUnlockKey:
    step: Step
    key_file: KeyFile

    def run(self, context: Context) -> str:
        descriptor = _made(self.key_file)
        old = context.manager.unlock_key()
        change_swarm(context.manager, lambda spec: spec, "ManagerUnlockKey")
        new = context.manager.unlock_key()
        note = _keep(descriptor, new, self.key_file)
        if new == old:
            raise NotConvergedError("the unlock key was rotated, but is the same")
        return note


@dataclass(frozen=True)
class Unlock:
    """Unlock a manager with the first of *keys* that fits: one that was away at a rotation needs an older one."""

    step: Step
    keys: tuple[Secret, ...]

    def run(self, context: Context) -> str:
        engine = context.reached(self.step.target).engine
        for number, key in enumerate(self.keys, 1):
            try:
                engine.unlock_swarm(key)
                break
            except EngineError as error:
                # The engine has done nothing: another key is another question.
                if "key" not in error.message:
                    raise
                if number == len(self.keys):
                    raise _wrong_keys(self.step.target, number, error) from error
        state = wait_until(
            lambda: swarm_state(engine.info()),
            lambda state: state == "active",
            timeout_seconds=UNLOCK_TIMEOUT_SECONDS,
            retry_on=(EngineError, ConnectionLostError),
        )
        if state != "active":
            raise NotConvergedError(
                f"{self.step.target}: unlocked, but its node state is {state}",
                f"waited {UNLOCK_TIMEOUT_SECONDS:g} s for it to be active",
                f"see: journalctl -u docker on {self.step.target}",
            )
        return ""


def _wrong_keys(host: str, count: int, error: EngineError) -> SwarmkitError:
    tried = "the key that was given does not unlock" if count == 1 else f"none of the {count} keys given unlocks"
    return SwarmkitError(
        f"{host}: {tried} it",
        error.message,
        "give the key that it was locked with, which may be one of before a rotation: unlock --store DIR tries the "
        "newest kept there, a backup holds that of its day, and a manager that is not locked tells the newest: "
        "docker swarm unlock-key",
    )


@dataclass(frozen=True)
class StartNetworkAgent:
    """See that an unlocked manager hears the other nodes; restart and unlock it once more where it does not."""

    step: Step

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        wait_for_manager(reached)
        key = reached.engine.unlock_key()
        restarted = start_network_agent(reached, lambda: wait_for_locking_manager(reached, key))
        return restarted.removeprefix("; ")


def _made(key_file: KeyFile) -> int:
    """Make the key's file before the key changes: afterwards it would be too late to find that it cannot be."""
    path = key_file.path
    try:
        if path in key_file.unfinished:
            path.unlink()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        what = f"the key's file {path} cannot be made, nothing was changed"
        raise SwarmkitError(what, str(error.strerror)) from error


def _write(descriptor: int, content: bytes) -> None:
    """Write all of *content*, or leave the file empty: a part would be taken for a key."""
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        try:
            written = 0
            while written < len(content):
                written += file.write(content[written:])
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), 0)
            raise


def _keep(descriptor: int | None, key: Secret, key_file: KeyFile | None) -> str:
    if descriptor is None or key_file is None:
        return ""
    try:
        _write(descriptor, key_file.form(key))
    except OSError as error:
        raise SwarmkitError(
            f"the unlock key is in force and could not be kept in {key_file.path}",
            str(error.strerror),
            "restart no manager before it is kept: make room on this machine; then swarmkit autolock on, with the same "
            "--store or --key-file, keeps the key that is in force",
        ) from error
    for path in key_file.unfinished:
        if path != key_file.path:
            path.unlink()
    return f"the key is in {key_file.path}: keep it where no manager is"
