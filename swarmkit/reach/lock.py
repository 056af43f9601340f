"""One writer a cluster: a lock that its managers keep, as a config object of the swarm.

A config and not a file that flock holds on the first manager: the raft keeps it, so it is the same lock through any
manager, outlives the loss of one, and is refused where no quorum could take a write anyway. Its name is taken once
(create), and its labels change only at the version that was read (compare and swap); a config of its own, because
writing the cluster's own object goes past its CA and its join tokens. Whether a holder lives is told by its
heartbeat moving while we watch, never by comparing clocks of two machines.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import pwd
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.reach.any_manager import AnyManager
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError

LOCK_NAME = "swarmkit.lock"
HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 20.0
"""Without a heartbeat for that long, the holder is dead; it has to look again before each write after half of it."""

_PREFIX = "swarmkit.lock."
_FIELDS = ("token", "user", "host", "boot", "pid", "since", "purpose", "run")
_BROKEN = (ConnectionLostError, CommandTimeoutError)


class LockedError(SwarmkitError):
    """Another run holds the cluster; nothing was changed."""


class LockLostError(SwarmkitError):
    """Another run has taken the cluster over: nothing more may be written."""


@dataclass(frozen=True)
class Holder:
    """Who holds a cluster; all of it is in the lock's labels."""

    token: str
    user: str
    host: str
    boot: str
    pid: int
    since: str
    purpose: str
    run: str = ""
    """The name of its journal, where it keeps one."""

    def __str__(self) -> str:
        return f"{self.user}@{self.host} pid {self.pid} since {self.since}: {self.purpose}"

    @classmethod
    def of_this_process(cls, purpose: str, run: str = "") -> Holder:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return cls(secrets.token_hex(8), _user(), socket.gethostname(), _boot(), os.getpid(), now, purpose, run)

    @classmethod
    def in_labels(cls, labels: dict[str, str]) -> Holder:
        token, user, host, boot, pid, since, purpose, run = (labels.get(_PREFIX + name, "") for name in _FIELDS)
        return cls(token, user, host, boot, int(pid) if pid.isdigit() else 0, since, purpose, run)

    def labels(self, beat: int) -> dict[str, str]:
        said = {_PREFIX + name: str(getattr(self, name)) for name in _FIELDS}
        return {**said, _PREFIX + "beat": str(beat)}

    def is_known_dead(self) -> bool:
        """Tell whether it was a process that this one could see, since the last boot, and is no more."""
        if not self.boot or self.boot != _boot() or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def how_long(wait_seconds: float, every_seconds: float) -> str:
    """Say how long a run waits for another one's end."""
    if wait_seconds:
        return f"waiting up to {wait_seconds:g} s for its end"
    return f"looking for a heartbeat of it, which comes every {every_seconds:g} s"


def locked(holder: Holder, waited_seconds: float, wait_seconds: float) -> LockedError:
    """Return why a run that waits for *wait_seconds* at most goes on no longer beside *holder*, which lives."""
    if not wait_seconds:
        to_do = "wait for it to end, or let this run wait: --lock-wait SECONDS"
        return LockedError("another run holds the cluster, nothing was changed", str(holder), to_do)
    return LockedError(
        f"waited {waited_seconds:.0f} s for another run, which still holds the cluster; nothing was changed",
        str(holder),
        "run the same again when it has ended, or let it wait longer: --lock-wait SECONDS",
    )


class ClusterLock:
    """The lock as one run wants and holds it; safe between threads."""

    def __init__(
        self,
        engines: Iterable[Engine],
        purpose: str,
        *,
        run: str = "",
        wait_seconds: float = 0.0,
        ended: Collection[str] = (),
        tell: Callable[[str], None] = lambda _: None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self.managers = AnyManager(engines)
        self.holder = Holder.of_this_process(purpose, run)
        self._wait, self._tell = wait_seconds, tell
        self._ended = frozenset(ended)
        """Tokens of runs that are known to have ended, whatever the swarm's state of then says."""
        self._every, self._stale = heartbeat_seconds, stale_seconds
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._beat, self._identity = 0, ""
        self._sure_at = 0.0
        self._lost_to = ""
        self.taken_from: Holder | None = None
        """The dead run whose lock this one has taken over."""

    @property
    def is_held(self) -> bool:
        return bool(self._identity)

    @property
    def is_lost(self) -> bool:
        """Whether another run has taken it away, as far as the last beat saw."""
        return bool(self._lost_to)

    def take(self) -> bool:
        """Hold the cluster from now on; tell whether another run held it meanwhile, so that the plan may be old.

        Raises LockedError when the holder lives and *wait_seconds* are over.
        """
        with self._lock:
            if self.is_held:
                return False
            met = self._take()
        threading.Thread(target=self._keep, daemon=True).start()
        return met

    def _take(self) -> bool:
        began = seen_at = seconds_now()
        seen: tuple[str, int] | None = None
        met = False
        while True:
            found = self._find()
            if found is None:
                self._create()
                continue
            holder, version = Holder.in_labels(found["Spec"].get("Labels") or {}), int(found["Version"]["Index"])
            if holder.token == self.holder.token:
                self._identity, self._sure_at = str(found["ID"]), seconds_now()
                return met
            if holder.token in self._ended:
                self._tell(f"in the place of the lock that the backup held: {holder}")
                self._swap(found, 0)
                continue
            if not met:
                self._tell(f"the cluster is held by {holder}; {how_long(self._wait, self._every)}")
            met = True
            lives = seen is not None and seen != (holder.token, version)
            if seen != (holder.token, version):
                seen, seen_at = (holder.token, version), seconds_now()
            if holder.is_known_dead() or seconds_now() - seen_at >= self._stale:
                self._tell(f"taking over from {holder}, which is dead")
                if self._swap(found, 0):
                    self.taken_from = holder
            elif lives and seconds_now() - began >= self._wait:
                raise locked(holder, seconds_now() - began, self._wait)
            else:
                time.sleep(min(0.5, self._every / 2))

    def guard(self) -> None:
        """Take the lock if it is not held yet; raise LockLostError if it is lost. Called before each write."""
        if not self.is_held:
            self.take()
        with self._lock:
            if not self._lost_to and seconds_now() - self._sure_at >= self._stale / 2:
                self._renew_in_time()
            if self._lost_to:
                raise LockLostError(
                    "stopped before the next write: another run has taken the cluster over",
                    self._lost_to,
                    "when that run has ended, run the same again: it does what is left",
                )

    def avoid(self, host: str) -> None:
        """Beat by other managers than *host*, if there are any: its engine is about to go away for a while."""
        with self._lock:
            self.managers.avoid(host)

    def release(self) -> None:
        """Let the cluster go, if it is still held and still there; the swarm may have been dissolved."""
        self._stop.set()
        with self._lock:
            with contextlib.suppress(EngineError, *_BROKEN):
                if self.is_held and not self._lost_to:
                    if seconds_now() - self._sure_at >= self._stale / 2:
                        self._renew()
                    if not self._lost_to:
                        self.managers.ask(lambda engine: engine.remove("configs", self._identity))
            self._identity = ""

    def _keep(self) -> None:
        while not self._stop.wait(self._every):
            with self._lock, contextlib.suppress(EngineError, *_BROKEN):
                if self.is_held and not self._lost_to and not self._stop.is_set():
                    self._renew()

    def _renew(self) -> None:
        """Beat once, at the version that is ours; what another wrote there is its lock."""
        found = self._find()
        holder = Holder.in_labels((found or {}).get("Spec", {}).get("Labels") or {})
        if found is None or holder.token != self.holder.token:
            self._lost_to = str(holder) if found else "the lock was removed"
            return
        self._beat += 1
        if self._swap(found, self._beat):
            self._sure_at = seconds_now()
        else:
            self._renew()

    def _renew_in_time(self) -> None:
        """Beat, and again while managers cannot take it: one that joins may cost an election.

        Each beat reads first whose lock it is, and is written at the version that was read, so none is a blind repeat.
        """
        deadline = seconds_now() + self._stale
        while True:
            try:
                return self._renew()
            except EngineError as error:
                if error.status < 500 or seconds_now() >= deadline:
                    raise
            self._stop.wait(self._every / 5)

    def _find(self) -> Json | None:
        return self.managers.config(LOCK_NAME)

    def _create(self) -> None:
        """Try to be the first; who was it is read afterwards."""
        body = {"Name": LOCK_NAME, "Labels": self.holder.labels(0), "Data": base64.b64encode(b"lock").decode()}
        try:
            self.managers.ask(lambda engine: engine.create("configs", body))
        except EngineError as error:
            if error.status != 409:
                raise
        except _BROKEN:
            pass

    def _swap(self, found: Json, beat: int) -> bool:
        """Write our labels at the version of *found*; tell whether that was still the one."""
        spec = {"Name": LOCK_NAME, "Labels": self.holder.labels(beat)}
        try:
            self.managers.ask(
                lambda engine: engine.update("configs", found["ID"], int(found["Version"]["Index"]), spec)
            )
        except EngineError as error:
            if "out of sequence" not in error.message and error.status != 404:
                raise
            return False
        return True


def seconds_now() -> float:
    """Seconds that go on while the machine sleeps: a suspended holder must see that its time is over.

    Linux' CLOCK_MONOTONIC stands still in sleep; macOS has no CLOCK_BOOTTIME, and its own goes on (man clock_gettime).
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _boot() -> str:
    """Return where our process ids mean something: this boot, and this namespace of them (a container has its own)."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink()
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {namespace}"
    except OSError:
        return ""
