"""Where a global service shall run, by the tasks that the managers made of it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from swarmkit.observed.model import TaskState
from swarmkit.observed.task_states import FAILED

_COMING = ("running", "ready")
"""What a task shall be; one that waits for the end of a restart's delay shall be ready first, and nothing else stands
for its node until then (moby/swarmkit manager/orchestrator/restart)."""


def nodes_of_global(tasks: Iterable[TaskState], template: Mapping[str, Any]) -> frozenset[str]:
    """Return the IDs of the nodes on which a global service with *template* runs, shall run, or was given up."""
    newest: dict[str, TaskState] = {}
    for task in sorted(tasks, key=lambda one: one.created_at):
        newest[task.node_id] = task
    return frozenset(
        node
        for node, task in newest.items()
        if task.desired_state in _COMING or (task.state in FAILED and task.is_made_from(template))
    )
