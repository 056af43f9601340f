"""Whether the run that holds a cluster lives, for who must not take the lock itself. Only reads."""

from __future__ import annotations

import time
from collections.abc import Iterable

from swarmkit.reach.any_manager import AnyManager
from swarmkit.reach.engine import Engine
from swarmkit.reach.lock import LOCK_NAME, STALE_SECONDS, Holder

_LOOK_SECONDS = 0.5


def living_holder(engines: Iterable[Engine], *, stale_seconds: float = STALE_SECONDS) -> Holder | None:
    """Return who holds the cluster, once a heartbeat was seen of it; None where nobody does, or without one in time."""
    managers, began = AnyManager(engines), time.monotonic()
    seen: tuple[str, int] | None = None
    while found := managers.config(LOCK_NAME):
        holder, version = Holder.in_labels(found["Spec"].get("Labels") or {}), int(found["Version"]["Index"])
        if holder.is_known_dead():
            return None
        if seen not in (None, (holder.token, version)):
            return holder
        if time.monotonic() - began >= stale_seconds:
            return None
        seen = (holder.token, version)
        time.sleep(min(_LOOK_SECONDS, stale_seconds / 10))
    return None
