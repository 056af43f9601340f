"""One writer of hosts that have no swarm to keep a lock: who makes one, forces one or restores one.

The same holder as in the swarm's lock, with its heartbeat, in a file on every host that answers. Under /run: it stays
where Docker's folder is moved aside, and goes with a boot, as whatever the holder had begun there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from swarmkit.errors import SwarmkitError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Shell
from swarmkit.reach.lock import HEARTBEAT_SECONDS, STALE_SECONDS, Holder, LockLostError, how_long, locked, seconds_now
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError

FILE = "/run/swarmkit.lock"
NOT_HELD = "not held"
# busybox's flock knows no -w.
_ALONE = """
exec 9</run
tries=0
until flock -n 9; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo "another run writes there" >&2; exit 1; }
    sleep 0.1
done
"""
HOLD = f"""
# TOKEN CONTENT SEEN [renew]: have CONTENT in the file if it is free, or TOKEN's, or has SEEN; tell what is there then.
# To renew, TOKEN must be there still: a file that is gone is one that another run had, and gave back.
# A login that may use Docker alone has no place where another's run would look.
if ! [ -w /run ] || ! command -v flock >/dev/null; then echo '{NOT_HELD}'; exit 0; fi
{_ALONE}
there=$(cat /run/swarmkit.lock 2>/dev/null)
if [ "${{there%% *}}" = "$1" ] || {{ [ "$there" = "$3" ] && [ -n "$3" ]; }} || [ -z "$there$4" ]; then
    printf '%s' "$2" >/run/swarmkit.lock.new && mv /run/swarmkit.lock.new /run/swarmkit.lock || exit 1
fi
cat /run/swarmkit.lock 2>/dev/null || :
"""
_DROP = f"""
{_ALONE}
case "$(cat /run/swarmkit.lock 2>/dev/null)" in "$1 "*) rm /run/swarmkit.lock ;; esac
"""
_GONE = "a run that has ended, or the host was booted"
_SCRIPT_SECONDS = 20.0
_SILENT = (ConnectionLostError, CommandTimeoutError)


class HostsLock:
    """The lock as one run wants and holds it; safe between threads."""

    def __init__(
        self,
        shells: Mapping[str, Shell],
        holder: Holder,
        *,
        wait_seconds: float = 0.0,
        tell: Callable[[str], None] = lambda _: None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        stale_seconds: float = STALE_SECONDS,
    ) -> None:
        self._shells, self.holder = shells, holder
        self._wait, self._tell = wait_seconds, tell
        self._every, self._stale = heartbeat_seconds, stale_seconds
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._beat, self._sure_at = 0, 0.0
        self._held, self._not_held, self._lost_to = frozenset[str](), frozenset[str](), ""
        self._is_taken = False
        self._met: dict[Holder, bool] = {}
        """The holders that were in the way, and whether they are dead."""

    @property
    def is_held(self) -> bool:
        """Whether this run has the hosts, but those that its logins cannot hold."""
        return self._is_taken and not self._lost_to

    @property
    def is_lost(self) -> bool:
        return bool(self._lost_to)

    def take(self) -> bool:
        """Hold the hosts from now on; tell whether a run that lives held one meanwhile, so that the plan is old.

        The first by name goes first: of two runs one gets it. Raises LockedError when the holder lives and
        *wait_seconds* are over.
        """
        with self._lock:
            if self._is_taken:
                return False
            names = sorted(self._shells)
            met = [self._take_first(names), self._take(names)]
            self._sure_at, self._is_taken = seconds_now(), True
        if self._not_held:
            self._tell(
                f"{', '.join(sorted(self._not_held))} cannot be held without root and flock: let no other run begin"
            )
        threading.Thread(target=self._keep, daemon=True).start()
        return any(met)

    def _take_first(self, names: Sequence[str]) -> bool:
        """Take the first host of *names* that does not fall silent meanwhile."""
        for name in names[:-1]:
            with contextlib.suppress(*_SILENT):
                return self._take([name])
        return self._take(names[-1:])

    def _take(self, names: Iterable[str]) -> bool:
        began, seen, over = seconds_now(), dict[str, tuple[str, float]](), dict[str, str]()
        while others := self._hold(names, over):
            now, lives = seconds_now(), False
            for name, text in others.items():
                before, since = seen.get(name, (text, now))
                if text != before:
                    since, lives, self._met[holder_in(text)] = now, True, False
                seen[name] = (text, since)
                if self._is_dead(name, text, now - since):
                    over[name] = text
            if lives and now - began >= self._wait:
                raise locked(holder_in(next(iter(others.values()))), now - began, self._wait)
            if not over:
                time.sleep(min(0.5, self._every / 2))
        return bool(seen.keys() - over.keys())

    def _is_dead(self, name: str, text: str, silent_seconds: float) -> bool:
        """Tell whether the holder in *text* is dead, and tell the person of each holder once."""
        holder = holder_in(text)
        if holder not in self._met:
            self._met[holder] = False
            self._tell(f"{name} is held by {holder}; {how_long(self._wait, self._every)}")
        if not self._met[holder] and (holder.is_known_dead() or silent_seconds >= self._stale):
            self._met[holder] = True
            self._tell(f"taking over from {holder}, which is dead")
        return self._met[holder]

    def _hold(self, names: Iterable[str], over: Mapping[str, str], *, renew: bool = False) -> dict[str, str]:
        """Beat wherever this holder may, in the place of the content *over* too; return what another has, by host.

        A host that fell silent has no writer, and one whose login cannot hold it is told. Raises SwarmkitError when
        there is no other, or it cannot be written.
        """
        self._beat += 1
        content = f"{self.holder.token} {json.dumps({**dataclasses.asdict(self.holder), 'beat': self._beat})}"
        how = "renew" if renew else ""
        said = fan_out(names, lambda name: self._run(name, HOLD, self.holder.token, content, over.get(name, ""), how))
        there = {name: text for name, text in said.items() if not isinstance(text, Exception)}
        self._not_held |= {name for name, text in there.items() if text == NOT_HELD}
        there = {name: text for name, text in there.items() if text != NOT_HELD}
        others = {name: text for name, text in there.items() if not text.startswith(f"{self.holder.token} ")}
        self._held = self._held - said.keys() | (there.keys() - others.keys())
        for answer in said.values():
            if isinstance(answer, Exception) and not ((there or self._not_held) and isinstance(answer, _SILENT)):
                raise answer
        return others

    def _run(self, name: str, script: str, *arguments: str) -> str:
        done = self._shells[name].run(script, arguments, timeout_seconds=_SCRIPT_SECONDS)
        if done.exit_code:
            raise SwarmkitError(
                f"{name}: cannot be held for this run alone",
                done.stderr.strip()[-300:],
                f"see that {FILE} can be written",
            )
        return done.stdout.strip()

    def guard(self) -> None:
        """Take the hosts if they are not held yet; raise LockLostError if one is lost. Called before each write."""
        self.take()
        with self._lock:
            if not self._lost_to and seconds_now() - self._sure_at >= self._stale / 2:
                self._renew()
            if self._lost_to:
                raise LockLostError(
                    "stopped before the next write: another run has taken the hosts over",
                    self._lost_to,
                    "when that run has ended, run the same again: it does what is left",
                )

    def release(self) -> None:
        """Let the hosts go that are held; one that cannot be asked is taken over by whoever comes next."""
        self._stop.set()
        with self._lock:
            for answer in fan_out(self._held, lambda name: self._run(name, _DROP, self.holder.token)).values():
                if isinstance(answer, Exception) and not isinstance(answer, SwarmkitError):
                    raise answer
            self._held, self._is_taken = frozenset(), False

    def _keep(self) -> None:
        while not self._stop.wait(self._every):
            with self._lock, contextlib.suppress(SwarmkitError):
                if self.is_held and not self._stop.is_set():
                    self._renew()

    def _renew(self) -> None:
        if others := self._hold(sorted(self._held), {}, renew=True):
            self._lost_to = "; ".join(f"{name}: {holder_in(text) if text else _GONE}" for name, text in others.items())
        else:
            self._sure_at = seconds_now()


def holder_in(text: str) -> Holder:
    """Return the holder in a file's content; what is none is nobody that this one could know."""
    names = {one.name for one in dataclasses.fields(Holder)}
    try:
        said = json.loads(text.partition(" ")[2])
        return Holder(**{name: value for name, value in said.items() if name in names})
    except (ValueError, TypeError, AttributeError):
        return Holder("", "unknown", "unknown", "", 0, "unknown", text[:80])
