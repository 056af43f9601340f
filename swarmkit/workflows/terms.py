"""The terms of a run that changes something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.secret import Secret

SERVICE_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Terms:
    """Who watches a run and agrees to its plan, and how long it may wait."""

    progress: Progress
    confirm: Callable[[Plan], bool]
    """Shows the plan, and tells whether it may be applied; asked before the first write."""
    sudo_password: Secret | None = None
    service_timeout_seconds: float = SERVICE_TIMEOUT_SECONDS
    lock_wait_seconds: float = 0.0
    """How long to wait for another run that holds the cluster."""
