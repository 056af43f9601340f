"""Keeping a swarm's CA when a new cluster is forced: by the number of its rotations, from the manager's disk."""

from __future__ import annotations

import base64
import io
import tarfile

from swarmkit.reach.fleet import ReachedHost
from swarmkit.recovery.locked_state import KEY_FILE
from swarmkit.recovery.raft_cipher import cipher_of
from swarmkit.recovery.raft_rotations import ca_rotations

TIMEOUT_SECONDS = 120.0
# The log may grow meanwhile: a manager without a leader asks for votes, which changes nothing of what is settled.
_SCRIPT = 'tar -C "$1" -S -czf - swarm/raft swarm/certificates/swarm-node.key 2>/dev/null | base64'


def read_ca_rotations(reached: ReachedHost) -> int | None:
    """Return how often the CA was rotated by force, None where the state on the disk does not tell (FIPS mode).

    The state must not be locked; it stays in memory.
    """
    folder = str(reached.engine.info()["DockerRootDir"])
    packed = reached.shell.run(_SCRIPT, (folder,), timeout_seconds=TIMEOUT_SECONDS).stdout
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(packed)), mode="r:gz") as tar:
            files = {member.name: content.read() for member in tar if (content := tar.extractfile(member))}
        return ca_rotations(files, cipher_of(files[KEY_FILE].decode()))
    except (KeyError, ValueError, EOFError, OSError, tarfile.TarError):
        return None
