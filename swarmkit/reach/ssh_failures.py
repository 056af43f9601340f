"""Why a host was not reached, in the operator's words."""

from __future__ import annotations

import shlex
import socket
from typing import TYPE_CHECKING

import invoke
import paramiko

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import UnreachableError

if TYPE_CHECKING:
    from swarmkit.reach.ssh_connect import Hop

CONNECT_TIMEOUT_SECONDS = 10.0
_DROPPED = (ConnectionResetError, ConnectionRefusedError, EOFError)


class DroppedError(UnreachableError):
    """A connection that was dropped or refused, mostly at once: a busy sshd does that at random (HAZARDS S14)."""


class NoAnswerError(UnreachableError):
    """Nobody answered within the time-out: the host is off, or its network loses what it sends."""


def unreachable(host: Host, hop: Hop, error: Exception) -> UnreachableError:
    """Return what *error* of the login at *hop*, on the way to *host*, means and what to do."""
    where = f"{host.name}: cannot reach {hop.address} port {hop.port}"
    if hop.name != host.name:
        where = f"{host.name}: cannot pass jump host {hop.address} port {hop.port}"
    if isinstance(error, paramiko.PasswordRequiredException):
        files = [str(path) for path in hop.key_files]
        return UnreachableError(
            f"{where}: the key file is encrypted",
            ", ".join(files) or "no agent has a key, and that of ~/.ssh is encrypted",
            f"ssh-add {shlex.join(files)}, and leave ansible_ssh_private_key_file out" if files else "ssh-add",
        )
    if isinstance(error, (paramiko.AuthenticationException, invoke.exceptions.UnexpectedExit)):
        offered = ", ".join(str(path) for path in hop.key_files) or "the agent's keys and ~/.ssh"
        return UnreachableError(
            f"{where}: login as {hop.user or 'the local user'} was refused",
            f"offered: {offered}",
            f"check user and key ({host.place})",
        )
    if "No authentication methods" in str(error):
        return UnreachableError(
            f"{where}: there is no key to log in with",
            "the inventory names none, no agent has one, ~/.ssh has none",
            f"ssh-add KEY, or ansible_ssh_private_key_file: KEY ({host.place})",
        )
    kind = _kind(error)
    if isinstance(error, socket.gaierror):
        return kind(where, f"the name does not resolve: {error}", f"check ansible_host ({host.place})")
    return kind(where, _why(error), f"check address, port and sshd of {hop.name} ({host.place})")


def _kind(error: Exception) -> type[UnreachableError]:
    if isinstance(error, _DROPPED) or "banner" in str(error):
        return DroppedError
    return NoAnswerError if isinstance(error, TimeoutError) else UnreachableError


def _why(error: Exception) -> str:
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
        return "; ".join(dict.fromkeys(str(getattr(one, "strerror", None) or one) for one in error.errors.values()))
    if "banner" in str(error) or "No existing session" in str(error):
        return f"it takes the connection and does not answer within {CONNECT_TIMEOUT_SECONDS:g} s"
    return str(error) or type(error).__name__
