"""The supervisor's control socket: one line of JSON each way, and sometimes a file descriptor back."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swarmkit.errors import SwarmkitError

SOCKET_NAME, LOCK_NAME = "control.sock", "supervisor.lock"
_LINE_BYTES = 1 << 20


class NoAnswerError(SwarmkitError):
    """The supervisor lives and does not answer."""


@dataclass(frozen=True)
class Answer:
    """What the supervisor said, with the socket it passed along, if any."""

    result: Any
    passed: socket.socket | None = None


@contextmanager
def _short_path(state: Path) -> Iterator[str]:
    """Yield a path of the control socket that fits into 108 bytes (unix(7)), however deep the state folder is."""
    folder = os.open(state, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)


def listen(state: Path) -> socket.socket:
    """Return the listening control socket; a dead supervisor's leftover is replaced (the caller holds the lock)."""
    (state / SOCKET_NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(state) as path:
        listener.bind(path)
    (state / SOCKET_NAME).chmod(0o600)
    listener.listen(64)
    listener.settimeout(0)
    return listener


def is_supervised(state: Path) -> bool:
    """Say whether a supervisor lives; the lock ends with its process, unlike a socket file or a pid file."""
    try:
        lock = os.open(state / LOCK_NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def ask(state: Path, do: str, *, timeout_seconds: float = 30, **arguments: Any) -> Answer:
    """Return the supervisor's answer to one request.

    Raises SwarmkitError when it refuses, NoAnswerError when it stands still, OSError when it is gone.
    """
    try:
        line, descriptors = _answer(state, {"do": do, **arguments}, timeout_seconds)
    except TimeoutError:
        raise NoAnswerError(
            f"the lab's supervisor has not answered within {timeout_seconds:g} s",
            "its process stands still, or the machine has no time for it",
            f"find it: pgrep -f 'swarmkit.lab.supervisor {state}'; where it was stopped: kill -CONT its number",
        ) from None
    answer = json.loads(line)
    if "error" in answer:
        for descriptor in descriptors:
            os.close(descriptor)
        raise SwarmkitError(*answer["error"])
    return Answer(answer["result"], socket.socket(fileno=descriptors[0]) if descriptors else None)


def _answer(state: Path, request: dict[str, Any], timeout_seconds: float) -> tuple[bytes, list[int]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_seconds)
        with _short_path(state) as path:
            connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        return _receive(connection)


def _receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    line, descriptors = b"", list[int]()
    while not line.endswith(b"\n"):
        data, passed, _, _ = socket.recv_fds(connection, _LINE_BYTES, 1)
        descriptors += passed
        if not data:
            raise ConnectionResetError("the lab's supervisor ended before it answered")
        line += data
    return line, descriptors


def reply(connection: socket.socket, answer: dict[str, Any], passed: socket.socket | None = None) -> None:
    """Send one answer; a client that has gone is no matter."""
    line = json.dumps(answer).encode() + b"\n"
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        if passed:
            socket.send_fds(connection, [line], [passed.fileno()])
        else:
            connection.sendall(line)
