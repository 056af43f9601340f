"""Keeping a swarm's CA when a new cluster is forced: by the number of its rotations, from the manager's disk."""

from __future__ import annotations

import io
import tarfile

from swarmkit.errors import SwarmkitError
from swarmkit.reach.fleet import ReachedHost
from swarmkit.recovery.locked_state import KEY_FILE
from swarmkit.recovery.raft_cipher import cipher_of
from swarmkit.recovery.raft_rotations import ca_rotations

IDLE_SECONDS = 30.0
# The log may grow meanwhile: a manager without a leader asks for votes, which changes nothing of what is settled.
_SCRIPT = 'tar -C "$1" -S -czf - swarm/raft swarm/certificates/swarm-node.key 2>/dev/null'


def read_ca_rotations(reached: ReachedHost) -> int:
    """Return how often the CA was rotated by force.

    The state must not be locked; it stays in memory. Raises SwarmkitError where the state on the disk does not tell it
    (FIPS mode), or cannot be read.
    """
    folder = str(reached.engine.info()["DockerRootDir"])
    packed = io.BytesIO()
    reached.shell.pipe(_SCRIPT, (folder,), sink=packed.write, idle_seconds=IDLE_SECONDS)
    packed.seek(0)
    try:
        with tarfile.open(fileobj=packed, mode="r:gz") as tar:
            files = {member.name: content.read() for member in tar if (content := tar.extractfile(member))}
        return ca_rotations(files, cipher_of(files[KEY_FILE].decode()))
    except (KeyError, ValueError, EOFError, OSError, tarfile.TarError) as error:
        raise SwarmkitError(f"its state does not tell how often the CA was rotated: {error!r}") from error
