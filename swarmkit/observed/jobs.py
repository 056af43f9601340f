"""Which services are jobs, by their spec in the engine's words; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_job(spec: Mapping[str, Any]) -> bool:
    return bool({"ReplicatedJob", "GlobalJob"} & (spec.get("Mode") or {}).keys())
