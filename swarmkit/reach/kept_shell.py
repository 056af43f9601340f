"""One shell of a host that runs scripts in turn: each new one costs a small host as much as eight processes."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import paramiko

from swarmkit.reach.ssh import (
    OUTPUT_LIMIT_BYTES,
    CommandResult,
    CommandTimeoutError,
    Connection,
    ConnectionLostError,
)
from swarmkit.secret import mask

_PIECE_BYTES = 65536
_LOOK_SECONDS = 0.2
_LAST_BYTES = 64
"""Where the line that ends an output is looked for."""


class KeptShell:
    """Runs scripts as ``Connection.run`` does, one after the other in one ``/bin/sh``, each in a subshell of it.

    A script's stdin is empty, and its arguments show in no process list. What it leaves running in the background is
    not waited for. After a script that did not end in time, or broke the shell, the next one gets a new shell.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._channel: paramiko.Channel | None = None
        self._noise = ""

    def run(
        self, script: str, arguments: Sequence[str] = (), *, timeout_seconds: float, root: bool = True
    ) -> CommandResult:
        """Run *script* as root where the inventory says so; its seconds begin when those before it have ended."""
        if not root:
            return self._connection.run(script, arguments, timeout_seconds=timeout_seconds, root=False)
        name = self._connection.host.name
        with self._lock:
            try:
                return self._run(script, arguments, time.monotonic() + timeout_seconds)
            except TimeoutError:
                self.close()
                raise CommandTimeoutError(
                    f"{name}: no answer within {timeout_seconds:g} s", "the command may still be running there"
                ) from None
            except (paramiko.SSHException, OSError, EOFError) as error:
                self.close()
                raise ConnectionLostError(f"{name}: connection lost", str(error)) from error

    def pipe(
        self,
        script: str,
        arguments: Sequence[str] = (),
        *,
        source: Iterable[bytes] = (),
        sink: Callable[[bytes], object] = lambda _: None,
        idle_seconds: float,
    ) -> CommandResult:
        return self._connection.pipe(script, arguments, source=source, sink=sink, idle_seconds=idle_seconds)

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _run(self, script: str, arguments: Sequence[str], deadline: float) -> CommandResult:
        channel = self._channel or self._open(deadline)
        end = f"--{secrets.token_hex(8)}--"
        words = shlex.join(["set", "--", *arguments])
        told = f"printf '\\n%s %s\\n' {end} $?; echo {end} >&2"
        stdout, stderr = _ask(channel, f"(\n{words}\n{script}\n) </dev/null\n{told}\n", end, deadline)
        output, _, status = stdout.rpartition(f"\n{end} ")
        if not status.endswith("\n"):
            raise EOFError(f"the shell ended before the command did: {mask(stderr.strip()[-200:])}")
        return CommandResult(int(status), output, mask(stderr.replace(f"{end}\n", "")), self._noise)

    def _open(self, deadline: float) -> paramiko.Channel:
        self._channel = channel = self._connection.start_shell()
        begin = f"--{secrets.token_hex(8)}--"
        stdout, stderr = _ask(channel, f"LC_ALL=C; export LC_ALL; echo {begin}; echo {begin} >&2\n", begin, deadline)
        self._noise, found, _ = stdout.partition(f"{begin}\n")
        if not found:
            self.close()
            raise self._connection.cannot_run(stderr, root=self._connection.host.become)
        return channel


def _ask(channel: paramiko.Channel, text: str, end: str, deadline: float) -> tuple[str, str]:
    """Send *text* and return both outputs up to the line with *end* in each, or to their end where the shell ends."""
    channel.settimeout(max(0.1, deadline - time.monotonic()))
    # A shell that has ended says why in what is read.
    with contextlib.suppress(OSError):
        channel.sendall(text.encode())
    stdout, stderr, mark = bytearray(), bytearray(), end.encode()
    while mark not in stdout[-_LAST_BYTES:] or not stdout.endswith(b"\n"):
        while channel.recv_stderr_ready():
            stderr += channel.recv_stderr(_PIECE_BYTES)
        # No longer, or a script would wait for its stderr to be read.
        if (part := _next(channel.recv, channel, min(deadline, time.monotonic() + _LOOK_SECONDS))) is None:
            if time.monotonic() > deadline:
                raise TimeoutError
        elif part:
            stdout += part
        else:
            break
        if len(stdout) > OUTPUT_LIMIT_BYTES:
            raise paramiko.SSHException(f"more than {OUTPUT_LIMIT_BYTES} bytes of output")
    while mark not in stderr[-_LAST_BYTES:] and (part := _next(channel.recv_stderr, channel, deadline)):
        stderr += part
    return stdout.decode(errors="replace"), stderr.decode(errors="replace")


def _next(read: Callable[[int], bytes], channel: paramiko.Channel, until: float) -> bytes | None:
    """Return what comes next, nothing at the end, None when it did not come *until* then."""
    channel.settimeout(max(0.01, until - time.monotonic()))
    try:
        return read(_PIECE_BYTES)
    except TimeoutError:
        return None
