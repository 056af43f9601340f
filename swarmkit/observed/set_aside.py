"""What restores, and their undoing, have moved aside on a host: a swarm's state that lay there before. Never writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from swarmkit.observed.model import Observed
from swarmkit.observed.raft import cluster_of
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost

ASIDE = "swarm.before-restore-"
"""How the names of the folders begin that a restore moved aside; the time follows: the newest is the last by name."""
UNDONE = "swarm.restored-"
"""The same of those that the undoing of a restore moved aside."""
_TIMEOUT_SECONDS = 60.0
_SCRIPT = f"""
for folder in "$1"/{ASIDE}* "$1"/{UNDONE}*; do
    if [ -d "$folder" ]; then
        state=none
        if [ -f "$folder/docker-state.json" ]; then state=whole; fi
        size=$(du -sk "$folder" 2>/dev/null | cut -f 1)
        echo "folder ${{folder##*/}} ${{size:-0}} $state"
        cat "$folder/certificates/swarm-node.crt" 2>/dev/null || :
    fi
done
"""
# No other name is ever removed.
_NAME = re.compile(rf"({re.escape(ASIDE)}|{re.escape(UNDONE)})[0-9TZ]+")


@dataclass(frozen=True)
class SetAside:
    folder: str
    """Its name in Docker's folder."""
    cluster_id: str
    """By the node's certificate in it; empty where there is none."""
    bytes: int = 0
    """That it takes of the disk."""
    is_state: bool = True
    """Whether a swarm's state is in it: what lies on a host that is in no swarm is an empty folder."""

    @property
    def is_before_restore(self) -> bool:
        """Whether the host can go back to it by undoing a restore."""
        return self.is_state and self.folder.startswith(ASIDE)


def with_set_aside(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with what lies aside on every host of *fleet*.

    Raises what the first host that does not answer raised.
    """
    roots = {name: observed.hosts[name].engine.root_dir for name in fleet if name in observed.hosts}
    found: dict[str, tuple[SetAside, ...]] = {}
    for name, answer in fan_out(roots, lambda name: set_aside(fleet[name], roots[name])).items():
        if isinstance(answer, Exception):
            raise answer
        found[name] = answer
    return replace(observed, set_aside=found)


def states_aside(found: Mapping[str, tuple[SetAside, ...]]) -> dict[str, tuple[SetAside, ...]]:
    """Return host -> the swarm's states that lie aside there, the empty folders left out."""
    states = {name: tuple(one for one in aside if one.is_state) for name, aside in found.items()}
    return {name: aside for name, aside in states.items() if aside}


def set_aside(reached: ReachedHost, root_folder: str) -> tuple[SetAside, ...]:
    """Return what lies aside on the host, of each kind the newest last."""
    said = reached.shell.run(_SCRIPT, (root_folder,), timeout_seconds=_TIMEOUT_SECONDS).stdout
    found = []
    for part in said.split("folder ")[1:]:
        first, _, certificate = part.partition("\n")
        name, kibibytes, state = first.split()
        if _NAME.fullmatch(name):
            found.append(SetAside(name, cluster_of(certificate), int(kibibytes) * 1024, state == "whole"))
    return tuple(sorted(found, key=lambda one: one.folder))
