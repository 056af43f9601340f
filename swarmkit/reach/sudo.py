"""How a login becomes root: by sudo, without a password or with one that is tried once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from swarmkit.errors import UnreachableError
from swarmkit.secret import Secret, mask

Answer = tuple[int, str]
"""The exit code of a command of the login, and what it complained of."""

_GIVE_ONE = "give it with --ask-become-pass, or name a file of mode 0600 in SWARMKIT_BECOME_PASSWORD_FILE"
_GIVE_ANOTHER = (
    "give the right one with --ask-become-pass, or in the file that SWARMKIT_BECOME_PASSWORD_FILE names; it was tried "
    "once on this host, and is not tried again"
)


_refused: dict[tuple[str, int], tuple[Secret, UnreachableError]] = {}
"""What sudo said no to, by host and the password's id, which is kept alive: what waits for hosts connects to them again
and again, and each time is a try that counts."""


class Sudo:
    """What sudo wants of one login, asked once.

    Whatever follows a password on sudo's stdin is its next try where the first one fails: a request to the engine, a
    script. Three of them lock the login out of sudo (pam_faillock), so the password is first tried with nothing after.
    """

    def __init__(
        self, host: str, password: Secret | None, free: Callable[[], Answer], ask: Callable[[str, bytes], Answer]
    ) -> None:
        """*free* tries sudo without a password; *ask* runs a command whose whole stdin is the bytes."""
        self._host, self._password, self._free, self._ask = host, password, free, ask
        self._lock = threading.Lock()
        self._prefix: tuple[str, bytes] | None = None
        self._refusal: UnreachableError | None = None

    def prefix(self) -> tuple[str, bytes]:
        """Return what goes before a command, and what before its stdin; raises where sudo lets nobody through."""
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._prefix is None:
                self._prefix = self._tried()
            return self._prefix

    def _tried(self) -> tuple[str, bytes]:
        code, said = self._free()
        if code == 0:
            return "sudo -n -- ", b""
        if self._password is None:
            self._refusal = UnreachableError(f"{self._host}: sudo needs a password", _last_words(said), _GIVE_ONE)
            raise self._refusal
        # -k: always ask, so that the password line is always read by sudo and never by the command.
        sudo, line = "sudo -k -S -p '' -- ", self._password.reveal() + b"\n"
        key = (self._host, id(self._password))
        if key in _refused:
            self._refusal = _refused[key][1]
            raise self._refusal
        code, said = self._ask(f"env LC_ALL=C {sudo}true", line)
        if code != 0:
            self._refusal = UnreachableError(
                f"{self._host}: sudo did not take the password", _last_words(said), _GIVE_ANOTHER
            )
            _refused[key] = self._password, self._refusal
            raise self._refusal
        return sudo, line


def _last_words(said: str) -> str:
    """Return what sudo says at the end: its lecture, and that one may try again, come before that.

    That no password was provided it says of its second try, which it gets none for on purpose.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    lines = [line for line in lines if "no password was provided" not in line]
    return mask(lines[-1]) if lines else "it ended and said nothing"
