"""Opening SSH connections to hosts, through jump hosts, with host keys checked strictly at every hop.

Fabric by itself accepts any host key (HAZARDS 0.1 #4); here every hop gets the strict policy.
"""

from __future__ import annotations

import functools
import logging
import shlex
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fabric
import paramiko

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import UnreachableError
from swarmkit.reach.host_keys import StrictPolicy, TrustedKeys
from swarmkit.reach.retry import connect_with_retry
from swarmkit.reach.ssh import Connection
from swarmkit.reach.ssh_failures import CONNECT_TIMEOUT_SECONDS, DroppedError, NoAnswerError, unreachable
from swarmkit.reach.transport import Transport
from swarmkit.secret import Secret

# Paramiko also logs what it raises, with tracebacks, which Python would print where nobody handles them.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

KEEPALIVE_SECONDS = 15
SILENCE_SECONDS = 60
"""So long the other end of a connection may answer nothing at all: a busy host's takes seconds."""
# SHA-1 signatures are not accepted (HAZARDS S20).
_DISABLED = {"keys": ["ssh-rsa"], "pubkeys": ["ssh-rsa"]}


@dataclass(frozen=True)
class Hop:
    """One SSH login on the way to a host, resolved from inventory and ssh_config."""

    name: str
    address: str
    port: int
    user: str | None
    key_files: tuple[Path, ...]
    keys: TrustedKeys


def connect(
    host: Host, hops: Sequence[Hop], *, sudo_password: Secret | None = None, may_be_off: bool = False
) -> Connection:
    """Open the SSH connection to *host* through *hops* (its own is the last) and return it.

    Raises UnreachableError saying what, why and what to do; an authentication failure or a host key that is not trusted
    is final, a dropped or refused connection is tried three times in all. One that nobody answers is so too, unless the
    host *may_be_off*: each attempt takes its whole time-out then.
    """
    for hop in hops:
        _check_key_files(hop)
    again = (DroppedError,) if may_be_off else (DroppedError, NoAnswerError)
    return connect_with_retry(lambda: _connect_once(host, hops, sudo_password), retry_on=again)


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
        connection.transport.watch(KEEPALIVE_SECONDS, SILENCE_SECONDS)
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
