"""Why a service does not come up, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    sentence: str
    to_do: str = ""
    logged: str = ""
    """The last lines of its task's log."""
