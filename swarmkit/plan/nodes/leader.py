"""Waiting for a leader of the swarm: without one no manager tells of it or takes a change.

After a start, or once its leader was lost, the managers need an election: 10 to 20 s, and again where votes split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from swarmkit.plan.engines.started_engine import NOT_YET
from swarmkit.reach.retry import wait_until

T = TypeVar("T")

LEADER_SECONDS = 90.0


def once_a_leader_tells(read: Callable[[], T], told: Callable[[T], bool] = bool) -> T:
    """Return the first ``read()`` that is *told*, or what there is at last; raises what the last one raised."""
    return wait_until(read, told, timeout_seconds=LEADER_SECONDS, retry_on=NOT_YET)
