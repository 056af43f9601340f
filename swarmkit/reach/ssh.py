"""SSH connections to hosts: the only home of Fabric and paramiko.

Fabric by itself accepts any host key and puts ``env=`` values into argv (HAZARDS 0.1 #4, #5); here every hop gets the
strict policy, and commands get their input on stdin.
"""

from __future__ import annotations

import functools
import itertools
import logging
import secrets
import shlex
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import fabric
import paramiko

from swarmkit.declared.host import Host
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.reach.host_keys import StrictPolicy, TrustedKeys
from swarmkit.reach.piping import AfterSentinel, converse
from swarmkit.reach.retry import connect_with_retry
from swarmkit.reach.ssh_failures import CONNECT_TIMEOUT_SECONDS, TransientError, unreachable
from swarmkit.reach.transport import Transport
from swarmkit.secret import Secret, mask

# Paramiko also logs what it raises, with tracebacks, which Python would print where nobody handles them.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

KEEPALIVE_SECONDS = 15
OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024
# SHA-1 signatures are not accepted (HAZARDS S20).
_DISABLED = {"keys": ["ssh-rsa"], "pubkeys": ["ssh-rsa"]}


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


class CommandTimeoutError(SwarmkitError):
    """A command on a host did not end within its deadline; whether it did its work is not known."""


class ConnectionLostError(SwarmkitError):
    """The connection broke while something was under way; whether that was done is not known."""


@dataclass(frozen=True)
class Hop:
    """One SSH login on the way to a host, resolved from inventory and ssh_config."""

    name: str
    address: str
    port: int
    user: str | None
    key_files: tuple[Path, ...]
    keys: TrustedKeys


class Connection:
    """One SSH connection to one host, opened once; commands and engine sockets are channels of it."""

    def __init__(self, host: Host, fabric_connection: fabric.Connection, sudo_password: Secret | None) -> None:
        self.host = host
        self._fabric = fabric_connection
        self._sudo_password = sudo_password
        self._sudo_lock = threading.Lock()
        self._sudo_needs_password: bool | None = None

    @property
    def transport(self) -> Transport:
        transport = self._fabric.client.get_transport()
        if transport is None or not transport.is_active():
            raise ConnectionLostError(
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
            raise SwarmkitError(
                f"{self.host.name}: cannot run commands" + (" as root" if prefix else ""),
                mask(stderr.strip()[-500:]) or f"the login shell ended with {exit_code} and no output",
                "check that sudo works for this user: sudo -n true, or give its password with --ask-become-pass"
                if prefix
                else "check the user's login shell",
            )
        return CommandResult(exit_code, output, mask(stderr), noise)

    @property
    def session(self) -> SshSession:
        return SshSession(self.transport.remote_version, self.transport.is_strict)

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
        channel.exec_command(prefix + "docker system dial-stdio")
        if password:
            channel.sendall(password)
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
        if not self.host.become:
            return "", b""
        with self._sudo_lock:
            if self._sudo_needs_password is None:
                self._sudo_needs_password = self._ask_sudo()
        if not self._sudo_needs_password:
            return "sudo -n -- ", b""
        assert self._sudo_password is not None  # noqa: S101 - _ask_sudo raises without one
        # -k: always ask, so that the password line is always read by sudo and never by the command.
        return "sudo -k -S -p '' -- ", self._sudo_password.reveal() + b"\n"

    def _ask_sudo(self) -> bool:
        probe = self.run("sudo -n true", timeout_seconds=15, root=False)
        if probe.exit_code == 0:
            return False
        if self._sudo_password is not None:
            return True
        raise SwarmkitError(
            f"{self.host.name}: sudo needs a password",
            probe.stderr.strip(),
            "give it with --ask-become-pass, or name a file of mode 0600 in SWARMKIT_BECOME_PASSWORD_FILE",
        )


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


def connect(host: Host, hops: Sequence[Hop], *, sudo_password: Secret | None = None) -> Connection:
    """Open the SSH connection to *host* through *hops* (its own is the last) and return it.

    Raises UnreachableError saying what, why and what to do; an authentication failure or a host key that is not trusted
    is final, a dropped or refused connection is tried three times.
    """
    for hop in hops:
        _check_key_files(hop)
    return connect_with_retry(lambda: _connect_once(host, hops, sudo_password), retry_on=(TransientError,), attempts=3)


def _connect_once(host: Host, hops: Sequence[Hop], sudo_password: Secret | None) -> Connection:
    connection: fabric.Connection | None = None
    for hop in hops:
        connection = _fabric_connection(hop, gateway=connection)
        try:
            connection.open()
        except UnreachableError:
            connection.close()
            raise
        except Exception as error:
            connection.close()
            raise unreachable(host, hop, error) from error
        connection.transport.set_keepalive(KEEPALIVE_SECONDS)
    assert connection is not None  # noqa: S101 - hops is never empty
    return Connection(host, connection, sudo_password)


def _fabric_connection(hop: Hop, gateway: fabric.Connection | None) -> fabric.Connection:
    key_files = [str(path) for path in hop.key_files]
    connection = fabric.Connection(
        host=hop.address,
        user=hop.user,
        port=hop.port,
        config=_fabric_config(),
        gateway=gateway,
        forward_agent=False,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        connect_kwargs={
            "key_filename": key_files,
            # With a key given, no other is tried: a long agent list locks the operator out (HAZARDS S21).
            "allow_agent": not key_files,
            "look_for_keys": not key_files,
            "banner_timeout": CONNECT_TIMEOUT_SECONDS,
            "auth_timeout": CONNECT_TIMEOUT_SECONDS,
            "channel_timeout": CONNECT_TIMEOUT_SECONDS,
            "disabled_algorithms": _DISABLED,
            "transport_factory": functools.partial(_transport, hop.keys),
        },
    )
    connection.client.set_missing_host_key_policy(StrictPolicy(hop.name, hop.keys))
    return connection


def _fabric_config() -> fabric.Config:
    """Return Fabric's defaults and nothing else: ssh_config is resolved by us, Fabric's own files are not read.

    One for each connection: a config that threads share is read by one while another merges it.
    """
    config: fabric.Config = fabric.Config(ssh_config=paramiko.SSHConfig())
    return config


def _transport(keys: TrustedKeys, sock: socket.socket, **options: dict[str, list[str]]) -> Transport:
    """Make a transport that asks the server for a key of a type we know it by."""
    transport = Transport(sock, disabled_algorithms=options.get("disabled_algorithms"))
    security = transport.get_security_options()
    known = {name for entry in keys.trusted for name in _signature_names(entry.key_type)}
    security.key_types = sorted(security.key_types, key=lambda name: name not in known)
    return transport


def _signature_names(key_type: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if key_type == "ssh-rsa" else (key_type,)


def _check_key_files(hop: Hop) -> None:
    for path in hop.key_files:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise UnreachableError(f"{hop.name}: cannot read key file {path}", str(error.strerror)) from error
        if stat.S_IMODE(mode) & 0o077:
            raise UnreachableError(
                f"{hop.name}: key file {path} can be read by others",
                f"its mode is {stat.S_IMODE(mode):04o}",
                f"run: chmod 600 {shlex.quote(str(path))}",
            )
