"""The mode of a service, which the engine does not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = {"Replicated": "replicated", "Global": "global", "ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}


def other_mode(spec: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the modes of *live* and *spec* where they differ: the engine refuses the update, whatever else is in it.

    It compares the kind alone (moby/swarmkit controlapi/service.go, "service mode change is not allowed").
    """
    old, new = _mode(live), _mode(spec)
    return (old, new) if old != new else None


def _mode(spec: Mapping[str, Any]) -> str:
    return next((word for key, word in _WORDS.items() if key in (spec.get("Mode") or {})), "replicated")
