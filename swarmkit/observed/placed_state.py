"""Which backup's state lies on a host, put there by a restore that may not have come to its end. Never writes."""

from __future__ import annotations

from swarmkit.reach.fleet import ReachedHost

PLACED_FILE = "swarmkit.restore"
"""In the swarm's folder, so that it goes when the host leaves the swarm."""
_TIMEOUT_SECONDS = 30.0
_SCRIPT = f'if [ -f "$1/swarm/{PLACED_FILE}" ]; then cat "$1/swarm/{PLACED_FILE}"; fi'


def placed_backup(reached: ReachedHost) -> str:
    """Return the identity of the backup whose state the host has, or nothing."""
    folder = str(reached.engine.info()["DockerRootDir"])
    return reached.shell.run(_SCRIPT, (folder,), timeout_seconds=_TIMEOUT_SECONDS).stdout.strip()
