"""What a plan says of jobs: whatever is changed of one, it runs again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.observed.jobs import is_job


def with_job_told(reason: str, spec: Mapping[str, Any]) -> str:
    """Return the *reason* of a service's update, which of a job begins a new iteration whatever it changes.

    (moby/swarmkit manager/controlapi/service.go, UpdateService)
    """
    return f"{reason}; the job runs again".removeprefix("; ") if is_job(spec) else reason
