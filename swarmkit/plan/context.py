"""What operations run with: the hosts, and what earlier operations of the same run found out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmkit.errors import SwarmkitError
from swarmkit.plan.progress import Progress
from swarmkit.reach.engine import Engine, Json, Kind
from swarmkit.reach.fleet import Fleet, ReachedHost
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.plan.model import Step


def _nobody_waits(service: str, key: str) -> str:
    raise SwarmkitError(f"nobody waits for service {service} ({key})")


class StoppedError(SwarmkitError):
    """An operation gave up in the middle, and left nothing behind, as the run is not going on."""


def _is_of_swarm(item: Json) -> tuple[bool, bool]:
    return item.get("Scope") == "swarm", item.get("Containers") is None


@dataclass
class Context:
    """One run's hosts, progress and discoveries; safe to share between threads. Never written to disk."""

    fleet: Fleet
    progress: Progress
    manager_name: str
    """The manager that takes the writes: an existing one, or the host that will be the first."""
    await_service: Callable[[str, str], str] = _nobody_waits
    """Waits until a service (its name in the swarm) runs as declared; the second argument is the progress key."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the run is not going on: an operation that is long ends by it."""
    guard: Callable[[Step], None] = lambda _: None
    """Called before each write; raises SwarmkitError when this run may not write any more."""
    await_started: Callable[[str, str], str] = _nobody_waits
    """Waits, as *await_service* does, until a service's containers are there, healthy or not yet."""
    _tokens: dict[str, Secret] = field(default_factory=dict, repr=False)
    _ids: dict[tuple[Kind, str], str] = field(default_factory=dict)
    _turns: dict[str, threading.Lock] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def manager(self) -> Engine:
        return self.fleet[self.manager_name].engine

    def reached(self, host: str) -> ReachedHost:
        return self.fleet[host]

    def turn(self, host: str) -> threading.Lock:
        """Return what one operation at a time holds on *host*."""
        with self._lock:
            return self._turns.setdefault(host, threading.Lock())

    def hand_over(self, node_id: str) -> None:
        """See that the manager which takes the writes is not the node *node_id*, which is about to lose that role."""
        ways = sorted(self.fleet.values(), key=lambda reached: reached.host.role != "manager")
        for reached in [self.fleet[self.manager_name], *ways]:
            swarm = reached.engine.info()["Swarm"]
            if swarm.get("ControlAvailable") and swarm.get("NodeID") != node_id:
                self.manager_name = reached.host.name
                return
        raise SwarmkitError("no other host of the inventory is a manager", f"node {node_id[:12]} is the only one")

    def join_token(self, role: str) -> Secret:
        """Return the join token for ``manager`` or ``worker``; asked for once, kept in memory only."""
        with self._lock:
            if not self._tokens:
                tokens = self.manager.swarm()["JoinTokens"]
                self._tokens = {name.lower(): Secret(value.encode()) for name, value in tokens.items()}
            return self._tokens[role]

    def forget_join_tokens(self) -> None:
        """Ask anew for the tokens that are needed next: a rotation of the swarm's CA changes them."""
        with self._lock:
            self._tokens.clear()

    def identity(self, kind: Kind, name: str) -> str:
        """Return the id of the object *name*, as the manager knows it; raises SwarmkitError when there is none."""
        with self._lock:
            if (kind, name) not in self._ids:
                # A host's own network can have the name of the swarm's, and so can what an ended task has left of one.
                for item in sorted(self.manager.find(kind, {"name": [name]}), key=_is_of_swarm):
                    self._ids[kind, item.get("Name") or item["Spec"]["Name"]] = item.get("Id") or item["ID"]
            if (kind, name) not in self._ids:
                raise SwarmkitError(f"{kind[:-1]} {name} is not there", "it should have been made before")
            return self._ids[kind, name]

    def remember(self, kind: Kind, name: str, identity: str) -> None:
        with self._lock:
            self._ids[kind, name] = identity
