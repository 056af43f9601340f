"""Tasks that the scheduler looks at no more.

It forgets one that waits for a node when its service, not the task's own part of it, is updated meanwhile and no node
is there at its next look: the task stays pending when the node is back (moby issues 53722 and 36699; on 26.1 after a
restore). A forced update has the service make its tasks anew.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.observed.model import Node, Observed, ServiceState, TaskState
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.spec_diff import Change

WAITED_SECONDS = 60.0
"""The scheduler places what it can within a second of a node's change; a busy manager has its time."""
FORCED = "TaskTemplate.ForceUpdate"

# What is no reason any more when a node that fits is there; others, such as a taken port, are not seen from here.
_SEEN_GONE = re.compile(r"scheduling constraints not satisfied|nodes? (is )?not available", re.IGNORECASE)
_JUDGED = re.compile(r"\s*node\.(id|role|hostname|labels\.[\w.\-/]+)\s*[!=]=.*")


@dataclass(frozen=True)
class Forgotten:
    """Why the tasks of a service are made anew."""

    running: int

    @property
    def reason(self) -> str:
        also = f"; its {self.running} running tasks start anew with it" if self.running else ""
        return f"its task waits for a host, and the scheduler looks for none (moby issue 53722){also}"


def forgotten(live: ServiceState, observed: Observed) -> Forgotten | None:
    """Return whether a task of *live* waits for a host that has been there for longer than the scheduler takes.

    Not of a job, which would run again, nor of a service whose update stands still or is taken back.
    """
    cluster = observed.cluster
    if cluster is None or live.is_job or live.update_state in ("paused", "rollback_started", "rollback_paused"):
        return None
    told_by = observed.hosts.get(cluster.told_by)
    since = cluster.read_at + (told_by.system.clock_offset_seconds if told_by else 0.0) - WAITED_SECONDS
    nodes = [node for node in cluster.nodes if node.state == "ready" and _is_before(node.updated_at, since)]
    tasks = cluster.tasks_of(live.id)
    if not any(_waits(task, since) and _may_be_placed(task, live, nodes) for task in tasks):
        return None
    return Forgotten(sum(task.state == "running" and task.desired_state == "running" for task in tasks))


def made_anew(spec: Mapping[str, Any]) -> tuple[dict[str, Any], Change]:
    """Return *spec* so that its service makes its tasks anew, and what differs then."""
    template = spec["TaskTemplate"]
    count = int(template.get("ForceUpdate") or 0)
    anew = {**spec, "TaskTemplate": {**template, "ForceUpdate": count + 1}}
    return anew, Change(FORCED, str(count), str(count + 1))


def _waits(task: TaskState, since: float) -> bool:
    is_unplaced = task.state == "pending" and not task.node_id and task.desired_state == "running"
    return is_unplaced and bool(task.state_since) and _is_before(task.state_since, since)


def _may_be_placed(task: TaskState, live: ServiceState, nodes: list[Node]) -> bool:
    """Tell whether one of *nodes* fits; where the scheduler said why none did, for reasons that are seen gone."""
    constraints = (live.spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or ()
    reasons = task.error.partition("(")[2].rstrip(")").split(";") if "(" in task.error else []
    if not all(map(_JUDGED.fullmatch, constraints)) or not all(map(_SEEN_GONE.search, reasons)):
        return False
    return any(node_may_run(live.spec, node) for node in nodes)


def _is_before(time: str, since: float) -> bool:
    return not time or datetime.datetime.fromisoformat(time).timestamp() < since
