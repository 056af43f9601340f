"""Services whose tasks fail again and again: one runs between two failures, and all seems well then; pure."""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed, TaskState
from swarmkit.verify.live import LiveService

WINDOW_SECONDS = 120.0
AGAIN = 3
"""Failures of one place in a row. A kill, an engine's restart or a lost host costs each place one; a start against what
is not there yet may cost one more."""
_AHEAD_SECONDS = 5.0
"""So far the clock that is known may be behind the one that dates: both are read over the network."""


def managers_time(cluster: ClusterState, observed: Observed) -> float:
    """Return when *cluster* was read, by the clock that its tasks are dated with: the leader's, else the teller's."""
    leader = next((node.id for node in cluster.nodes if node.is_leader), "")
    leads = [facts for facts in observed.hosts.values() if leader and facts.engine.node_id == leader]
    asked = [facts for name, facts in observed.hosts.items() if name == cluster.told_by]
    ahead = next((facts.system.clock_offset_seconds for facts in (*leads, *asked)), 0.0)
    return cluster.read_at + ahead


def with_failures(finding: Finding, service: LiveService, now: float) -> Finding:
    """Return *finding*, that *service* runs as declared, as a warning where its tasks lately failed again and again."""
    if finding.severity != "ok" or not service.tasks:
        return finding
    failed = _again_and_again(service, now)
    if not failed:
        return finding
    counted = f"{failed} that began in the last {WINDOW_SECONDS / 60:.0f} minutes have failed"
    last = f"the last error: {service.last_error or 'none was told'}"
    return replace(
        finding,
        severity="warning",
        # Without the count, which is another at each look of --watch.
        what=f"service {service.name}: {len(service.tasks)} of {len(service.tasks)} tasks run, and keep failing",
        evidence=f"{counted}; {last}" + (f", on {service.failed_on}" if service.failed_on else ""),
        remedy=f"docker service ps --no-trunc {service.name}",
    )


def _again_and_again(service: LiveService, now: float) -> int:
    """Return how many tasks failed lately, of places (a slot, of a global service a node) where enough did.

    A place whose task has held for longer than such failures are apart is well again. The managers date what they make;
    that a task failed is dated by its host. What is dated ahead is of a clock that has been set right since.
    """
    held = {_place(task) for task in service.running if _age(task, now) > WINDOW_SECONDS / AGAIN}
    places: dict[int | str, int] = defaultdict(int)
    for task in service.failed:
        if -_AHEAD_SECONDS < _age(task, now) < WINDOW_SECONDS and _place(task) not in held:
            places[_place(task)] += 1
    return sum(count for count in places.values() if count >= AGAIN)


def _place(task: TaskState) -> int | str:
    return task.slot or task.node_id


def _age(task: TaskState, now: float) -> float:
    return now - datetime.datetime.fromisoformat(task.created_at).timestamp() if task.created_at else math.inf
