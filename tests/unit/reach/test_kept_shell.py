"""Scripts that one shell of a host runs in turn, with this machine's own /bin/sh at the other end."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from pathlib import Path
from typing import IO, cast

import pytest

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.reach.kept_shell import KeptShell
from swarmkit.reach.ssh import CommandTimeoutError, Connection, ConnectionLostError


class LocalChannel:
    """What a channel is to its user, to a process of this machine."""

    def __init__(self, command: str) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(["/bin/sh", "-c", command], stdin=pipe, stdout=pipe, stderr=pipe)
        self._in, self._out, self._err = (
            cast("IO[bytes]", stream) for stream in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        self._timeout = 10.0

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds

    def sendall(self, data: bytes) -> None:
        self._in.write(data)
        self._in.flush()

    def recv(self, size: int) -> bytes:
        return self._read(self._out.fileno(), size)

    def recv_stderr(self, size: int) -> bytes:
        return self._read(self._err.fileno(), size)

    def recv_stderr_ready(self) -> bool:
        return bool(select.select([self._err.fileno()], [], [], 0)[0]) and self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._out, self._err):
            stream.close()
        with contextlib.suppress(BrokenPipeError):
            self._in.close()

    def _read(self, number: int, size: int) -> bytes:
        if not select.select([number], [], [], self._timeout)[0]:
            raise TimeoutError
        return os.read(number, size)


class LocalConnection(Connection):
    """A connection whose login shell starts *command*."""

    def __init__(self, command: str = "exec /bin/sh -s") -> None:
        self.host = Host("A", "127.0.0.1", "manager", become=False)
        self.command, self.channels = command, list[LocalChannel]()

    def start_shell(self) -> LocalChannel:  # type: ignore[override]
        self.channels.append(LocalChannel(self.command))
        return self.channels[-1]


def shell_of(connection: LocalConnection) -> KeptShell:
    return KeptShell(cast("Connection", connection))


def test_scripts_run_in_turn_in_one_shell_and_leave_nothing_to_each_other() -> None:
    connection = LocalConnection()
    shell = shell_of(connection)
    first = shell.run("left=behind; cd /; echo one; echo warned >&2; exit 3", timeout_seconds=10)
    second = shell.run('printf "%s|%s|%s|" "${left:-nothing}" "$1" "$2"', ("a b", "c'd"), timeout_seconds=10)
    shell.close()
    assert (first.stdout, first.stderr, first.exit_code) == ("one\n", "warned\n", 3)
    assert (second.stdout, second.stderr, second.exit_code) == ("nothing|a b|c'd|", "", 0)
    assert len(connection.channels) == 1


def test_a_script_reads_no_stdin_and_its_here_documents_are_its_own() -> None:
    shell = shell_of(LocalConnection())
    assert shell.run("cat\ncat <<'END'\ntext $1\nEND", ("x",), timeout_seconds=10).stdout == "text $1\n"
    shell.close()


def test_much_output_of_both_kinds_comes_whole() -> None:
    shell = shell_of(LocalConnection())
    said = shell.run("seq 100000; seq 20000 >&2", timeout_seconds=30)
    shell.close()
    assert (said.stdout.splitlines()[-1], len(said.stdout)) == ("100000", 588895)
    assert said.stderr.splitlines()[-1] == "20000"


def test_what_the_login_shell_prints_is_told_apart() -> None:
    shell = shell_of(LocalConnection("echo Welcome; exec /bin/sh -s"))
    said = shell.run("echo one", timeout_seconds=10)
    shell.close()
    assert (said.noise, said.stdout) == ("Welcome\n", "one\n")


def test_after_a_script_that_does_not_end_the_next_one_has_a_new_shell() -> None:
    connection = LocalConnection()
    shell = shell_of(connection)
    with pytest.raises(CommandTimeoutError, match=r"A: no answer within 0\.2 s"):
        shell.run("sleep 60", timeout_seconds=0.2)
    assert shell.run("echo on", timeout_seconds=10).stdout == "on\n"
    shell.close()
    assert len(connection.channels) == 2


def test_a_script_that_ends_the_shell_itself_is_no_answer(tmp_path: Path) -> None:
    shell = shell_of(LocalConnection())
    with pytest.raises(ConnectionLostError, match="A: connection lost"):
        shell.run(f"touch {tmp_path}/done; kill -9 $$", timeout_seconds=10)
    shell.close()
    assert (tmp_path / "done").exists()


def test_a_login_that_gives_no_shell_is_told_with_what_it_said() -> None:
    shell = shell_of(LocalConnection("echo 'This account is not available' >&2; exit 1"))
    with pytest.raises(SwarmkitError, match="A: cannot run commands") as told:
        shell.run("true", timeout_seconds=10)
    assert told.value.why == "This account is not available"
