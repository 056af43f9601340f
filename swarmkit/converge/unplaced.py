"""Saying why the scheduler finds no node for a task."""

from __future__ import annotations

from collections.abc import Iterable

from swarmkit.converge.cause import Cause
from swarmkit.errors import SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.model import Node, TaskState
from swarmkit.reach.engine import Engine

_CONSTRAINTS = "scheduling constraints"
_SCHEDULER = {
    "insufficient resources": ("no host has enough free memory or CPU for its reservation", "lower the reservation"),
    _CONSTRAINTS: (
        "no ready node satisfies its placement constraints",
        "correct deploy.placement.constraints; a label that the inventory declares comes back with swarmkit up",
    ),
    "missing plugin": ("no host has the volume or network plugin it names", "install the plugin"),
    "unsupported platform": ("its image is built for another processor architecture", "build it for the hosts' one"),
    "host-mode port": ("the port it publishes in host mode is taken", "free the port on the hosts"),
    "max replicas per node": ("max_replicas_per_node leaves no host for another task", "raise it or add hosts"),
    "not available": ("the nodes it may run on are down, paused or drained", "see: swarmkit status"),
}
_FORGOTTEN = "where a host that takes it has been ready for a minute: swarmkit up makes it anew (moby issue 53722)"


def unplaced(task: TaskState, manager: Engine | None) -> Cause:
    """Return why *task* waits for a node; with *manager* the labels that the nodes have, where they decide it."""
    # A node that is down, paused or drained is asked for nothing else: it may be the one that was meant.
    away = "; a node is down, paused or drained" if "not available" in task.error else ""
    for words, (sentence, to_do) in _SCHEDULER.items():
        if words in task.error:
            more = f"; {_FORGOTTEN}" if words in (_CONSTRAINTS, "not available") else ""
            known = _asked_and_known(task, manager) if words == _CONSTRAINTS and manager else ""
            return Cause(
                f"{sentence}{'' if words == 'not available' else away} ({task.error}){known}", f"{to_do}{more}"
            )
    if task.state == "pending" and not task.error:
        return Cause(f"its task is pending: {task.message}", _FORGOTTEN)
    return Cause(f"its task is {task.state}: {task.error or task.message}", "see: swarmkit status")


def _asked_and_known(task: TaskState, manager: Engine) -> str:
    """Return the constraints of *task*, and what the nodes have of what these ask for."""
    asked = [str(text) for text in (task.spec.get("Placement") or {}).get("Constraints") or ()]
    try:
        nodes = [parse.node(item) for item in manager.find("nodes")]
    except SwarmkitError as error:
        return f"; it asks for {', '.join(asked)}; the nodes' labels cannot be read: {error.why or error.what}"
    names = ""
    if any(text.lstrip().startswith("node.hostname") for text in asked):
        names = f"; the nodes' names are: {_listed(node.hostname for node in nodes if node.hostname)}"
    return f"; it asks for {', '.join(asked)}{names}; the nodes' labels are: {_listed(_labels(nodes))}"


def _labels(nodes: Iterable[Node]) -> Iterable[str]:
    return (f"{key}={value}" for node in nodes for key, value in node.labels.items())


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(set(words))) or "none"
