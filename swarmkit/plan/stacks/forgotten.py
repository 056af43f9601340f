"""Tasks that the scheduler looks at no more.

It forgets one that waits for a node when its service, not the task's own part of it, is updated meanwhile and no node
is there at its next look: the task stays pending when the node is back (moby issues 53722 and 36699; on 26.1 after a
restore). A forced update has the service make another.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

from swarmkit.observed.jobs import is_job
from swarmkit.observed.model import ClusterState, Observed, ServiceState, TaskState
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.spec_diff import Change

WAITED_SECONDS = 60.0
"""The scheduler places what it can within a second; a busy manager has its time."""
WHY = "its task waits for a host, and the scheduler has stopped to look for one (moby issue 53722)"

_NOT_PLACED = re.compile(r"scheduling constraints not satisfied|node(s)? (is )?not available", re.IGNORECASE)


def is_forgotten(live: ServiceState, observed: Observed) -> bool:
    """Tell whether a task of *live* waits for a host that is there, and has for longer than the scheduler takes."""
    cluster = observed.cluster
    if cluster is None or is_job(live.spec):
        return False
    told_by = observed.hosts.get(cluster.told_by)
    now = cluster.read_at + (told_by.system.clock_offset_seconds if told_by else 0.0)
    return any(_is_left(task, now) and _has_a_place(task, live, cluster) for task in cluster.tasks_of(live.id))


def scheduled_anew(spec: Mapping[str, Any]) -> tuple[dict[str, Any], Change]:
    """Return *spec* so that its service makes its tasks anew, and what differs then."""
    template = spec["TaskTemplate"]
    count = int(template.get("ForceUpdate") or 0)
    anew = {**spec, "TaskTemplate": {**template, "ForceUpdate": count + 1}}
    return anew, Change("TaskTemplate.ForceUpdate", str(count), str(count + 1))


def _is_left(task: TaskState, now: float) -> bool:
    if task.state != "pending" or task.node_id or task.desired_state != "running" or not task.state_since:
        return False
    return now - datetime.datetime.fromisoformat(task.state_since).timestamp() > WAITED_SECONDS


def _has_a_place(task: TaskState, live: ServiceState, cluster: ClusterState) -> bool:
    """Tell whether a ready node takes *task*; where the scheduler said why none did, for reasons that we see gone."""
    placement = live.spec["TaskTemplate"].get("Placement") or {}
    if any("engine.labels" in constraint for constraint in placement.get("Constraints") or ()):
        return False
    reasons = task.error.partition("(")[2].rstrip(")").split(";") if "(" in task.error else []
    if any(not _NOT_PLACED.search(reason) for reason in reasons):
        return False
    return any(node.state == "ready" and node_may_run(live.spec, node) for node in cluster.nodes)
