"""An engine that does not answer because a script of ours has stopped it: it is started again when that script ends.

A run that was killed, or lost its link, has left the script alone with its host, where it goes on to its end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import PurePath

from swarmkit.errors import SwarmkitError
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandTimeoutError, Connection, ConnectionLostError

PATIENCE_SECONDS = 120
"""How long such a script is waited for: a stop waits for what the tasks' containers take to end."""
SETTLE_SECONDS = 60.0
"""How long its swarm has to see it again; who comes after that is told what is so."""
LOCKS = ("/run/swarmkit-backup.lock", "/run/swarmkit-restore.lock", "/run/swarmkit-upgrade.lock")
"""What the scripts hold that stop an engine, until it is started again."""
_HELD = """
for lock; do
    if [ -r "$lock" ] && ! flock -n "$lock" true; then echo "$lock"; fi
done
"""
_WAIT = """
end=$(($(date +%s) + $1))
shift
for lock; do
    left=$((end - $(date +%s)))
    flock -w "$((left > 0 ? left : 0))" "$lock" true
done
"""
_LOOK_TIMEOUT_SECONDS = 30.0
Tell = Callable[[str], object]
"""Takes what is waited for, and how long."""


def waited_for_its_start(connection: Connection, tell: Tell) -> bool:
    """Wait until the scripts of ours that have stopped the host's engine are at their end; tell whether there was one.

    One that does not end may have started the engine long ago, and hang on a dead link with what it has to tell. Where
    nothing can be run on the host there is nobody to wait for.
    """
    try:
        held = connection.run(_HELD, LOCKS, timeout_seconds=_LOOK_TIMEOUT_SECONDS).stdout.split()
        if not held:
            return False
        what = " and ".join(f"a swarmkit {_purpose(lock)}" for lock in held)
        tell(f"its engine was stopped by {what}: waiting until that starts it again, {PATIENCE_SECONDS} s at most")
        connection.run(_WAIT, (str(PATIENCE_SECONDS), *held), timeout_seconds=PATIENCE_SECONDS + 30.0)
    except SwarmkitError:
        return False
    return True


def _purpose(lock: str) -> str:
    """Return what a script does that holds *lock*, as ``backup``."""
    return PurePath(lock).stem.rpartition("-")[2]


def wait_until_seen(engine: Engine, tell: Tell) -> None:
    """Wait until the swarm sees a manager whose engine was just started, or until that has taken too long.

    Else a plan would count it as a manager that is away.
    """
    tell(f"its engine answers: waiting until its swarm sees it again, {SETTLE_SECONDS:g} s at most")
    trouble = (EngineError, ConnectionLostError, CommandTimeoutError)
    with contextlib.suppress(*trouble):
        wait_until(lambda: _is_seen(engine), bool, timeout_seconds=SETTLE_SECONDS, retry_on=trouble)


def _is_seen(engine: Engine) -> bool:
    swarm = engine.info()["Swarm"]
    if swarm["LocalNodeState"] == "pending":
        return False
    if swarm["LocalNodeState"] != "active" or not swarm["ControlAvailable"]:
        return True
    node = engine.inspect("nodes", str(swarm["NodeID"]))
    reachability = (node.get("ManagerStatus") or {}).get("Reachability")
    return bool(node["Status"]["State"] == "ready" and reachability == "reachable")
