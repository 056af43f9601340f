"""Asking a host for its SSH host key, without logging in to it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import UnreachableError
from swarmkit.reach.ssh import Connection
from swarmkit.reach.ssh_connect import Hop, connect
from swarmkit.reach.ssh_failures import CONNECT_TIMEOUT_SECONDS

_PREFERRED = "ssh-ed25519"


@dataclass(frozen=True)
class ScannedKey:
    """The key a host presented in the key exchange; whether it is the right one is for others to say."""

    key_type: str
    key: bytes


def scan_host_key(host: Host, hops: Sequence[Hop]) -> ScannedKey:
    """Return the key that the last of *hops* presents, of a type it is known by, else preferably Ed25519.

    Goes as far as the key exchange: nobody logs in there. The hops before are logged in to, and must be trusted.
    Raises UnreachableError.
    """
    *jumps, target = hops
    if not jumps:
        return _exchange(target, _open_socket(target))
    connection = connect(host, jumps)
    try:
        return _exchange(target, _open_channel(connection, target))
    finally:
        connection.close()


def _open_socket(hop: Hop) -> socket.socket:
    try:
        return socket.create_connection((hop.address, hop.port), timeout=CONNECT_TIMEOUT_SECONDS)
    except OSError as error:
        raise _unreachable(hop, error) from error


def _open_channel(connection: Connection, hop: Hop) -> paramiko.Channel:
    try:
        return connection.transport.open_channel(
            "direct-tcpip", (hop.address, hop.port), ("127.0.0.1", 0), timeout=CONNECT_TIMEOUT_SECONDS
        )
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unreachable(hop, error) from error


def _exchange(hop: Hop, sock: socket.socket | paramiko.Channel) -> ScannedKey:
    try:
        transport = paramiko.Transport(sock)
        try:
            _prefer_known_types(transport, hop)
            transport.start_client(timeout=CONNECT_TIMEOUT_SECONDS)
            key = transport.get_remote_server_key()
        finally:
            transport.close()
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise _unreachable(hop, error) from error
    return ScannedKey(key.get_name(), key.asbytes())


def _prefer_known_types(transport: paramiko.Transport, hop: Hop) -> None:
    """Ask first for types the host is known by: a server with several keys must not look changed."""
    known = {entry.key_type for entry in hop.keys.trusted}
    security = transport.get_security_options()
    # SHA-1 signatures are not accepted (HAZARDS S20).
    types = [name for name in security.key_types if name != "ssh-rsa"]
    security.key_types = sorted(types, key=lambda name: (_key_type(name) not in known, name != _PREFERRED))


def _key_type(signature: str) -> str:
    return "ssh-rsa" if signature.startswith("rsa-sha2-") else signature


def _unreachable(hop: Hop, error: Exception) -> UnreachableError:
    return UnreachableError(
        f"{hop.name}: no SSH host key from {hop.address} port {hop.port}",
        str(error) or type(error).__name__,
        f"check address, port and sshd of {hop.name}",
    )
