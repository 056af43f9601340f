"""A host that was reached, and whose Docker engine does not answer: why, and what to do there."""

from __future__ import annotations

from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.reach.ssh import Connection, UnansweredError

_LOOK_TIMEOUT_SECONDS = 20.0
_LOOK = """
PATH="$PATH:/usr/sbin:/sbin:/usr/local/bin:/snap/bin"
command -v dockerd >/dev/null || command -v docker >/dev/null || { echo missing; exit 0; }
[ -w /var/run/docker.sock ] && echo allowed
systemctl show -p ActiveState --value docker 2>/dev/null
"""
_STOPPED = ("inactive", "failed", "deactivating")


class NoEngineError(UnreachableError):
    """A host that was reached has no Docker engine that answers."""


def no_engine(name: str, connection: Connection, error: SwarmkitError) -> NoEngineError:
    """Return why the engine of host *name* did not answer: *error*, and what is to be seen there."""
    if isinstance(error, UnansweredError):
        return NoEngineError(
            f"{name}: its Docker engine takes connections and answers none",
            error.what,
            f"on {name}, see whether it stands still: systemctl status docker; if it goes on: systemctl restart docker",
        )
    why, to_do = _seen(name, connection, error.why or error.what)
    return NoEngineError(f"{name}: no Docker engine answers", why, to_do)


def _seen(name: str, connection: Connection, error: str) -> tuple[str, str]:
    try:
        said = connection.run(_LOOK, timeout_seconds=_LOOK_TIMEOUT_SECONDS).stdout.split()
    except SwarmkitError:
        said = []
    state = next((word for word in said if word not in ("missing", "allowed")), "")
    if "missing" in said:
        return f"Docker is not there; {error}", f"install and start it on {name} (apt install docker.io)"
    if state in _STOPPED:
        again = "systemctl reset-failed docker; " if state == "failed" else ""
        start = f"on {name}: {again}systemctl start docker; if it does not stay: journalctl -u docker -n 50"
        return f"it is installed, and its service is {state}", start
    if said and "allowed" not in said:
        to_do = f"on {name}: systemctl status docker; if it runs, see that the user may use it (the group docker), "
        return error, f"{to_do}or set ansible_become: true"
    if said:
        return error, f"on {name}: systemctl status docker; journalctl -u docker -n 50"
    return error, f"install and start Docker on {name}, and see that the user may use it, or set ansible_become: true"
