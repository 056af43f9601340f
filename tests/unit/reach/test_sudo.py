"""Becoming root by sudo with a password, with this machine's own shell and a sudo that counts at the other end."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, cast

import pytest

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.reach.ssh import Connection, ConnectionLostError
from swarmkit.secret import Secret

# As sudo -S does: three tries, each a line of stdin; what is tried is written down.
_SUDO = """#!/bin/sh
case "$1" in -n) echo 'sudo: a password is required' >&2; exit 1 ;; esac
while test "$1" != --; do shift; done
shift
tries=0
while test $tries -lt 3; do
    read -r line || { echo 'sudo: no password was provided' >&2; break; }
    echo "$line" >>"$TRIED"
    if test "$line" = "$(cat "$RIGHT")"; then exec "$@"; fi
    echo 'Sorry, try again.' >&2
    tries=$((tries + 1))
done
echo "sudo: $((tries)) incorrect password attempt" >&2
exit 1
"""


class LocalChannel:
    """What a channel is to its user, to a process of this machine."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment, self._timeout, self.status_event = environment, 10.0, threading.Event()

    def exec_command(self, command: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe, env=self._environment
        )
        self._in, self._out, self._err = (
            cast("IO[bytes]", stream) for stream in (self._process.stdin, self._process.stdout, self._process.stderr)
        )

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.write(data)
            self._in.flush()

    def shutdown_write(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.close()

    def recv(self, size: int) -> bytes:
        return self._read(self._out.fileno(), size)

    def recv_stderr(self, size: int) -> bytes:
        return self._read(self._err.fileno(), size)

    def recv_stderr_ready(self) -> bool:
        return False

    def recv_exit_status(self) -> int:
        return self._process.wait()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self.shutdown_write()
        self._out.close()
        self._err.close()

    def _read(self, number: int, size: int) -> bytes:
        if not select.select([number], [], [], self._timeout)[0]:
            raise TimeoutError
        part = os.read(number, size)
        if not part:
            self.status_event.set()
        return part


class LocalConnection(Connection):
    """A connection to this machine, whose sudo takes the password of the file ``right`` in *folder*."""

    def __init__(self, folder: Path, password: Secret) -> None:
        super().__init__(Host("A", "127.0.0.1", "manager", become=True), cast("Any", None), password)
        for name, text in (("sudo", _SUDO), ("docker", "#!/bin/sh\necho engine; exec cat\n")):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        (folder / "right").write_text("right\n")
        self.tried, self.right = folder / "tried", folder / "right"
        self._environment = {
            "PATH": f"{folder}:{os.environ['PATH']}", "TRIED": str(self.tried), "RIGHT": str(self.right)
        }  # fmt: skip

    @property
    def transport(self) -> Any:
        class Refusing:
            def open_unix_socket(self, path: str, timeout_seconds: float) -> None:
                import paramiko

                raise paramiko.ChannelException(2, f"{path} {timeout_seconds}")

        return Refusing()

    def _open_channel(self) -> Any:
        return LocalChannel(self._environment)


def test_a_wrong_sudo_password_is_told_as_one_and_tried_once_however_often_root_is_asked_for(tmp_path: Path) -> None:
    connection = LocalConnection(tmp_path, Secret(b"wrong"))
    for _ in range(3):
        with pytest.raises(SwarmkitError, match="A: sudo did not take the password") as refused:
            connection.open_engine_socket(timeout_seconds=5)
        assert refused.value.why == "sudo: 1 incorrect password attempt"
        assert "--ask-become-pass" in refused.value.to_do
        assert refused.value.exit_code == 3
        with pytest.raises(SwarmkitError, match="A: sudo did not take the password"):
            connection.run("id", timeout_seconds=5)
    assert connection.tried.read_text() == "wrong\n"


def test_a_wrong_sudo_password_is_not_tried_again_over_the_next_connection(tmp_path: Path) -> None:
    password = Secret(b"wrong")
    for _ in range(3):
        connection = LocalConnection(tmp_path, password)
        with pytest.raises(SwarmkitError, match="A: sudo did not take the password"):
            connection.run("id", timeout_seconds=5)
    assert connection.tried.read_text() == "wrong\n"


def test_the_right_sudo_password_opens_the_engine(tmp_path: Path) -> None:
    connection = LocalConnection(tmp_path, Secret(b"right"))
    channel = connection.open_engine_socket(timeout_seconds=5)
    assert channel.recv(100) == b"engine\n"
    channel.sendall(b"GET /_ping\n")
    assert channel.recv(100) == b"GET /_ping\n"
    channel.close()
    assert connection.run("echo done", timeout_seconds=5).stdout == "done\n"
    assert set(connection.tried.read_text().split()) == {"right"}


@pytest.mark.parametrize("ends", ["exit 0", "exec sleep 30"])
def test_a_link_that_breaks_or_stands_still_while_sudo_runs_is_a_lost_connection(tmp_path: Path, ends: str) -> None:
    """What waits, beats and tries again knows a lost connection; as a sudo that failed it ended them all."""
    connection = LocalConnection(tmp_path, None)
    (tmp_path / "sudo").write_text(f'#!/bin/sh\ncase "$2" in true) exit 0 ;; esac\n{ends}\n')
    with pytest.raises(ConnectionLostError):
        connection.open_engine_socket(timeout_seconds=0.5)


def test_no_request_to_the_engine_is_a_password_that_sudo_tries(tmp_path: Path) -> None:
    connection = LocalConnection(tmp_path, Secret(b"right"))
    connection.run("true", timeout_seconds=5)
    connection.right.write_text("changed meanwhile\n")
    with pytest.raises(SwarmkitError, match="A: cannot run commands as root") as refused:
        connection.open_engine_socket(timeout_seconds=1)
    assert "Sorry, try again" in refused.value.why
    assert set(connection.tried.read_text().split("\n")) == {"right", ""}
