"""What restores have moved aside on a host: the swarm's state that lay there before. Never writes."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.observed.raft import cluster_of
from swarmkit.reach.fleet import ReachedHost

ASIDE = "swarm.before-restore-"
"""How the folders' names begin; the time follows, so the newest is the last by name."""
_TIMEOUT_SECONDS = 30.0
_SCRIPT = f"""
for folder in "$1"/{ASIDE}*; do
    if [ -f "$folder/docker-state.json" ]; then
        echo "folder ${{folder##*/}}"
        cat "$folder/certificates/swarm-node.crt" 2>/dev/null || :
    fi
done
"""


@dataclass(frozen=True)
class SetAside:
    folder: str
    """Its name in Docker's folder."""
    cluster_id: str
    """By the node's certificate in it; empty where there is none."""


def set_aside(reached: ReachedHost, root_folder: str) -> tuple[SetAside, ...]:
    """Return what lies aside on the host, the newest last."""
    said = reached.shell.run(_SCRIPT, (root_folder,), timeout_seconds=_TIMEOUT_SECONDS).stdout
    found = [part.partition("\n") for part in said.split("folder ")[1:]]
    return tuple(SetAside(name, cluster_of(certificate)) for name, _, certificate in sorted(found))
