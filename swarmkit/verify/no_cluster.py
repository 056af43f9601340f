"""No manager tells of the cluster: what that means, and the command that changes it; pure."""

from __future__ import annotations

import shlex

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.verify import codes


def no_cluster(inventory: Inventory, stack: Stack | None, observed: Observed, why: str) -> Finding:
    """Return V00 with the remedy that fits what the engines say: make the swarm, unlock it, or bring managers back."""
    what = f"no manager tells of the cluster {inventory.cluster}, nothing is proved"
    states = {name: facts.engine.swarm_state for name, facts in observed.hosts.items()}
    source = ("-i", str(inventory.source))
    files = ("-f", str(stack.source)) if stack else ()
    make = shlex.join(("swarmkit", "up", *source, *files))
    left = [host.name for host in inventory.managers if states.get(host.name) == "inactive"]
    workers = [name for name, state in states.items() if state == "active"]
    absent = ", ".join(host.name for host in inventory.leaving)
    locked = [name for name, state in states.items() if state == "locked"]
    if len(states) == len(inventory.hosts) and all(state == "inactive" for state in states.values()):
        what = f"there is no cluster {inventory.cluster}: no host is in a swarm"
        remedy = f"make it: {make}"
    elif locked:
        what = f"{what}: {', '.join(locked)} wait for the unlock key"
        remedy = shlex.join(("swarmkit", "unlock", *source))
    elif len(left) == len(inventory.managers) and workers and absent:
        what = f"{what}: the managers that the inventory has are in no swarm yet ({', '.join(left)})"
        remedy = f"{absent}, which the inventory has absent, may be its manager: start it; then {make}"
    elif len(left) == len(inventory.managers):
        what = f"{what}: the managers that the inventory has are in no swarm ({', '.join(left)})"
        remedy = _without_managers(left, workers, source, make)
    else:
        remedy = _bring_back(inventory, observed, source)
    return Finding(codes.CLUSTER, "error", inventory.cluster, what, evidence=why, remedy=remedy)


def _without_managers(left: list[str], workers: list[str], source: tuple[str, ...], make: str) -> str:
    """Return what is left where every manager has *left*: *workers* of a swarm that nobody tells of join no other."""
    restore = shlex.join(("swarmkit", "restore", "ARCHIVE", *source))
    leave = f"on {' and '.join(workers)}: docker swarm leave --force; then " if workers else ""
    lost = f"if {', '.join(left)} managed the swarm and left it: {restore}"
    return f"{lost}; without a backup of the swarm it is made anew, and data in volumes stays: {leave}{make}"


def _bring_back(inventory: Inventory, observed: Observed, source: tuple[str, ...]) -> str:
    """Return how the managers come back, and what is left where they do not: a quorum needs one that is there."""
    managers = [host.name for host in inventory.hosts if host.role == "manager"]
    silent = [name for name in managers if name not in observed.hosts]
    quorum = f"if most are gone for good: {shlex.join(('swarmkit', 'recover', 'quorum', *source))}"
    if not silent:
        return f"{shlex.join(('swarmkit', 'status', *source))} tells which managers answer: start the others; {quorum}"
    names = ", ".join(silent)
    first = f"bring {names} back, which loses nothing: switch it on, see its network"
    first += f"; on {names}: systemctl start docker"
    if len(silent) < len(managers):
        return f"{first}; {quorum}"
    restore = shlex.join(("swarmkit", "restore", "ARCHIVE", *source))
    return f"{first}; if no manager ever comes back: {restore}, or without a backup of the swarm, swarmkit rebuild"
