"""Moving bytes both ways over one SSH channel at once, however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import paramiko

_PIECE_BYTES = 32 * 1024
_LOOK_SECONDS = 0.01
_STDERR_BYTES = 64 * 1024
"""How much of the end of stderr is kept."""
GREETING_BYTES = 64 * 1024
"""How much a login shell may print before the command does."""


@dataclass
class AfterSentinel:
    """Passes on what comes after *sentinel*: what a login shell prints is not the command's."""

    sentinel: bytes
    sink: Callable[[bytes], object]
    found: bool = False
    _held: bytes = field(default=b"", repr=False)

    def __call__(self, data: bytes) -> None:
        if self.found:
            self.sink(data)
            return
        self._held += data
        _, found, rest = self._held.partition(self.sentinel)
        if found:
            self.found, self._held = True, b""
            if rest:
                self.sink(rest)
        elif len(self._held) > GREETING_BYTES:
            raise paramiko.SSHException("the login shell prints without end")


def converse(
    channel: paramiko.Channel, source: Iterator[bytes], sink: Callable[[bytes], object], idle_seconds: float
) -> tuple[int, str]:
    """Send *source*, then the end of input; give all output to *sink*; return exit code and the end of stderr.

    Raises TimeoutError when nothing moved for *idle_seconds*, EOFError when the link broke before the command ended.
    """
    sending, waiting, stderr = True, b"", bytearray()
    moved = time.monotonic()
    while True:
        before = time.monotonic()
        if channel.recv_stderr_ready():
            stderr += channel.recv_stderr(_PIECE_BYTES)
            del stderr[:-_STDERR_BYTES]
        elif channel.recv_ready():
            sink(channel.recv(_PIECE_BYTES))
        elif channel.exit_status_ready() and (channel.eof_received or channel.closed):
            break
        elif sending and channel.send_ready() and not channel.exit_status_ready():
            waiting = waiting or next((piece for piece in source if piece), b"")
            sending = bool(waiting)
            if sending:
                waiting = waiting[channel.send(waiting[:_PIECE_BYTES]) :]
            else:
                channel.shutdown_write()
        else:
            if before - moved > idle_seconds:
                raise TimeoutError
            time.sleep(_LOOK_SECONDS)
            continue
        moved = time.monotonic()
    exit_code = channel.recv_exit_status()
    if exit_code == -1:
        raise EOFError("the connection ended before the command did")
    return exit_code, stderr.decode(errors="replace")
