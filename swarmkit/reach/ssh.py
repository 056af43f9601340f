"""An open SSH connection to a host: commands, streams and the engine's socket as channels of it.

Fabric's own ``run`` puts ``env=`` values into argv (HAZARDS 0.1 #5); here commands get their input on stdin.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import fabric
import paramiko

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.reach.piping import GREETING_BYTES, AfterSentinel, converse
from swarmkit.reach.ssh_failures import CONNECT_TIMEOUT_SECONDS
from swarmkit.reach.sudo import Sudo
from swarmkit.reach.transport import Transport
from swarmkit.secret import Secret, mask

OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024
SUDO_TIMEOUT_SECONDS = 15.0


@dataclass(frozen=True)
class CommandResult:
    exit_code: int
    stdout: str
    stderr: str
    noise: str = ""
    """What the login shell printed before the command ran."""


@dataclass(frozen=True)
class SshSession:
    """How a connection was agreed with its server."""

    server: str
    """The server's own words: ``SSH-2.0-OpenSSH_9.2p1 ...``."""
    is_strict: bool
    """Whether the key exchange was strict: no message can be cut out unseen (CVE-2023-48795)."""
    host_key: str = ""
    """By which the server showed itself, in base64."""


class CommandTimeoutError(SwarmkitError):
    """A command on a host did not end within its deadline; whether it did its work is not known."""


class ConnectionLostError(SwarmkitError):
    """The connection broke while something was under way; whether that was done is not known."""


class UnansweredError(ConnectionLostError):
    """The other end took what it was asked and did not answer in time; the connection itself has not failed."""


class ConnectionGoneError(ConnectionLostError):
    """The SSH connection itself has ended: it is opened once, so nothing is read over it any more."""

    may_pass = False


class Connection:
    """One SSH connection to one host, opened once; commands and engine sockets are channels of it."""

    def __init__(self, host: Host, fabric_connection: fabric.Connection, sudo_password: Secret | None) -> None:
        self.host = host
        self._fabric = fabric_connection
        self._sudo = Sudo(host.name, sudo_password, self._try_sudo_free, self._ask_plainly)

    @property
    def transport(self) -> Transport:
        transport = self._fabric.client.get_transport()
        if transport is None or not transport.is_active():
            raise ConnectionGoneError(
                f"{self.host.name}: the SSH connection is gone",
                "what was under way there may be done or not",
                "run the same again: it reads what is there and does what is left",
            )
        assert isinstance(transport, Transport)  # noqa: S101 - made by our own factory
        return transport

    def run(
        self,
        script: str,
        arguments: Sequence[str] = (),
        *,
        timeout_seconds: float,
        root: bool = True,
    ) -> CommandResult:
        """Run *script* by ``/bin/sh`` with *arguments* as ``$1...`` and return its result.

        The script travels on stdin, so it shows in no process list; *arguments* do show. Anything a login shell prints
        before it is dropped. With *root*, sudo is used where the inventory says so. Raises CommandTimeoutError after
        *timeout_seconds* of wall clock, ConnectionLostError when the link breaks; never retries.
        """
        sentinel = f"--{secrets.token_hex(8)}--"
        prefix, password = self._become() if root else ("", b"")
        command = shlex.join(["env", "LC_ALL=C", "/bin/sh", "-s", "--", *arguments])
        body = f"echo {sentinel}\n{script}\n".encode()
        channel = self._open_channel()
        try:
            channel.exec_command(prefix + command)
            exit_code, stdout, stderr = _converse(channel, password + body, time.monotonic() + timeout_seconds)
        except TimeoutError:
            raise CommandTimeoutError(
                f"{self.host.name}: no answer within {timeout_seconds:g} s",
                "the command may still be running there",
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ConnectionLostError(f"{self.host.name}: connection lost", str(error)) from error
        finally:
            channel.close()
        noise, found, output = stdout.partition(sentinel + "\n")
        if not found:
            raise self.cannot_run(stderr, root=bool(prefix))
        return CommandResult(exit_code, output, mask(stderr), noise)

    def cannot_run(self, stderr: str, *, root: bool) -> SwarmkitError:
        """Return the error of a shell that did not come to its first command, but to *stderr*."""
        return SwarmkitError(
            f"{self.host.name}: cannot run commands" + (" as root" if root else ""),
            mask(stderr.strip()[-500:]) or "the login shell ended and said nothing",
            "check that sudo works for this user: sudo -n true, or give its password with --ask-become-pass"
            if root
            else "check the user's login shell",
        )

    def start_shell(self) -> paramiko.Channel:
        """Return the channel of a new ``/bin/sh`` that runs what is sent to it, as root where the inventory says so."""
        prefix, password = self._become()
        channel = self._open_channel()
        channel.exec_command(prefix + "/bin/sh -s")
        channel.sendall(password)
        return channel

    @property
    def session(self) -> SshSession:
        key = self.transport.get_remote_server_key()
        return SshSession(self.transport.remote_version, self.transport.is_strict, key.get_base64())

    def pipe(
        self,
        script: str,
        arguments: Sequence[str] = (),
        *,
        source: Iterable[bytes] = (),
        sink: Callable[[bytes], object] = lambda _: None,
        idle_seconds: float,
    ) -> CommandResult:
        """Run *script* as root on *source* as its stdin, give what it prints to *sink* as it comes, return its result.

        Unlike in ``run`` the script shows in the process list, and no amount of bytes is too much. Raises
        CommandTimeoutError when nothing moves for *idle_seconds*, ConnectionLostError when the link breaks.
        """
        sentinel = f"--{secrets.token_hex(8)}--"
        prefix, password = self._become()
        command = shlex.join(["env", "LC_ALL=C", "/bin/sh", "-c", f"echo {sentinel}\n{script}", "sh", *arguments])
        begun = AfterSentinel(f"{sentinel}\n".encode(), sink)
        channel = self._open_channel()
        try:
            channel.exec_command(prefix + command)
            exit_code, stderr = converse(channel, itertools.chain([password], source), begun, idle_seconds)
        except TimeoutError:
            raise CommandTimeoutError(
                f"{self.host.name}: nothing moved for {idle_seconds:g} s", "the command may still be running there"
            ) from None
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionLostError(f"{self.host.name}: connection lost", str(error)) from error
        finally:
            channel.close()
        if not begun.found:
            raise SwarmkitError(f"{self.host.name}: cannot run commands", mask(stderr.strip()[-500:]))
        return CommandResult(exit_code, "", mask(stderr))

    def open_engine_socket(self, timeout_seconds: float) -> paramiko.Channel:
        """Return a channel that speaks HTTP with the host's Docker engine.

        First the engine's own socket through OpenSSH's forwarding, which starts no process; where that is refused,
        ``docker system dial-stdio``, with sudo where the inventory says so.
        """
        try:
            return self.transport.open_unix_socket("/var/run/docker.sock", timeout_seconds)
        except paramiko.ChannelException:
            pass
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionLostError(f"{self.host.name}: connection lost", str(error)) from error
        prefix, password = self._become()
        channel = self._open_channel()
        channel.settimeout(timeout_seconds)
        if not prefix:
            channel.exec_command("docker system dial-stdio")
            return channel
        # The request goes out only when sudo is through: it would be the next password that sudo tries.
        begun, stderr = f"--{secrets.token_hex(8)}--", b""
        channel.exec_command(f"{prefix}/bin/sh -c 'echo {begun}; exec docker system dial-stdio'")
        channel.sendall(password)
        if not _read_line(channel, begun.encode()):
            channel.shutdown_write()
            with contextlib.suppress(TimeoutError, OSError, EOFError, paramiko.SSHException):
                stderr += _rest_of_stderr(channel, time.monotonic() + min(timeout_seconds, CONNECT_TIMEOUT_SECONDS))
            channel.close()
            if not stderr.strip():
                raise ConnectionLostError(f"{self.host.name}: connection lost", "sudo said nothing, and nothing began")
            raise self.cannot_run(stderr.decode(errors="replace"), root=True)
        return channel

    def close(self) -> None:
        self._fabric.close()
        gateway = self._fabric.gateway
        while gateway is not None:
            gateway.close()
            gateway = gateway.gateway

    def _open_channel(self) -> paramiko.Channel:
        try:
            return self.transport.open_session(timeout=CONNECT_TIMEOUT_SECONDS)
        except (paramiko.SSHException, EOFError) as error:
            raise ConnectionLostError(f"{self.host.name}: connection lost", str(error)) from error

    def _become(self) -> tuple[str, bytes]:
        """Return the sudo prefix of a command and what goes before its stdin."""
        return self._sudo.prefix() if self.host.become else ("", b"")

    def _try_sudo_free(self) -> tuple[int, str]:
        probe = self.run("sudo -n true", timeout_seconds=SUDO_TIMEOUT_SECONDS, root=False)
        return probe.exit_code, probe.stderr

    def _ask_plainly(self, command: str, stdin: bytes) -> tuple[int, str]:
        """Run *command* as the login itself, with *stdin* and nothing after it; return its exit code and stderr."""
        channel = self._open_channel()
        try:
            channel.exec_command(command)
            exit_code, _, stderr = _converse(channel, stdin, time.monotonic() + SUDO_TIMEOUT_SECONDS)
        except TimeoutError:
            raise CommandTimeoutError(
                f"{self.host.name}: sudo did not answer within {SUDO_TIMEOUT_SECONDS:g} s",
                "it may wait for a directory server or a name server that does not answer",
                f"try it there: {command}",
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise ConnectionLostError(f"{self.host.name}: connection lost", str(error)) from error
        finally:
            channel.close()
        return exit_code, stderr


def _read_line(channel: paramiko.Channel, line: bytes) -> bool:
    """Read up to the line *line*, and no byte after it; return whether it came."""
    read = bytearray()
    while not read.endswith(line + b"\n"):
        try:
            byte = channel.recv(1)
        except TimeoutError:
            return False
        if not byte or len(read) > GREETING_BYTES:
            return False
        read += byte
    return True


def _converse(channel: paramiko.Channel, stdin: bytes, deadline: float) -> tuple[int, str, str]:
    """Send *stdin*, read both outputs to their end and return (exit code, stdout, stderr)."""
    channel.settimeout(max(0.1, deadline - time.monotonic()))
    channel.sendall(stdin)
    channel.shutdown_write()
    stdout, stderr = bytearray(), bytearray()
    while True:
        if time.monotonic() > deadline:
            raise TimeoutError
        if channel.recv_stderr_ready():
            stderr += channel.recv_stderr(65536)
            continue
        channel.settimeout(0.2)
        try:
            part = channel.recv(65536)
        except TimeoutError:
            continue
        if not part:
            break
        stdout += part
        if len(stdout) > OUTPUT_LIMIT_BYTES:
            raise paramiko.SSHException(f"more than {OUTPUT_LIMIT_BYTES} bytes of output")
    while (part := _rest_of_stderr(channel, deadline)) != b"":
        stderr += part
    if not channel.status_event.wait(max(0.0, deadline - time.monotonic())):
        raise TimeoutError
    exit_code = channel.recv_exit_status()
    if exit_code == -1:
        raise EOFError("the connection ended before the command did")
    return exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace")


def _rest_of_stderr(channel: paramiko.Channel, deadline: float) -> bytes:
    channel.settimeout(max(0.1, deadline - time.monotonic()))
    return channel.recv_stderr(65536)
