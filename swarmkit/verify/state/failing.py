"""Services whose tasks fail again and again: one runs between two failures, and all seems well then; pure."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed, TaskState
from swarmkit.verify.live import LiveService

WINDOW_SECONDS = 120.0
AGAIN = 3
"""Failures of one place in a row. A kill, an engine's restart or a lost host costs each place one; a start against what
is not there yet may cost one more."""


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
    failed = _again_and_again(service.failed, now - WINDOW_SECONDS)
    if not failed:
        return finding
    counted = f"{failed} that began in the last {WINDOW_SECONDS / 60:.0f} minutes have failed"
    last = f"the last error: {service.last_error or 'none was told'}"
    return replace(
        finding,
        severity="warning",
        what=f"service {service.name}: {len(service.tasks)} of {len(service.tasks)} tasks run, but {counted}",
        evidence=f"{last}, on {service.failed_on}" if service.failed_on else last,
        remedy=f"docker service ps --no-trunc {service.name}",
    )


def _again_and_again(failed: Iterable[TaskState], since: float) -> int:
    """Return how many of *failed* were made *since* then, of places (a slot, of a global service a node) with enough.

    The managers date what they make; that a task failed is dated by its host.
    """
    places: dict[int | str, int] = defaultdict(int)
    for task in failed:
        if task.created_at and datetime.datetime.fromisoformat(task.created_at).timestamp() > since:
            places[task.slot or task.node_id] += 1
    return sum(count for count in places.values() if count >= AGAIN)
