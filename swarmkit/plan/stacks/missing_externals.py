"""What a stack file declares external and the swarm has not: how it is made, or what was meant; pure."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable

from swarmkit.finding import Finding


def missing_external(word: str, name: str, place: str, create: str, there: Iterable[str]) -> Finding:
    """Return the refusal of a *word*, such as ``secret``, that is not there; *create* is the command that makes it.

    *there* are the names of those that the swarm has: one that is nearly *name* may be the one that was meant.
    """
    near = difflib.get_close_matches(name, sorted(there), n=1)
    meant = f"is {near[0]} meant? then in {place}: name: {near[0]}; else " if near else ""
    return Finding("B38", "error", name, f"external {word} is not there", place, f"{meant}make it: {create}")


def create_file(word: str, name: str) -> str:
    """Return the command that makes a secret or a config, whose content comes from a file: in no list of processes."""
    return f"on a manager: docker {word} create {shlex.quote(name)} FILE"


def create_network(name: str, inventory: str) -> str:
    command = ("swarmkit", "network", "create", "-i", inventory, "-d", "overlay", "--encrypted", "--attachable", name)
    return shlex.join(command)
