"""A run as its journal tells of it; frozen, and light to import."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SCHEMA = "swarmkit.journal/1"
SUFFIX = ".jsonl"
RunState = Literal["running", "unfinished", "ended", "unreadable"]
StepStatus = Literal["done", "failed", "under way", "not started"]


@dataclass(frozen=True)
class StepRecord:
    """One operation; *under way* in an unfinished run means that it may have been done or not."""

    key: str
    target: str
    summary: str
    status: StepStatus = "not started"
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class RunRecord:
    """One run; *unfinished*: it was killed, or its machine lost power."""

    run: str
    state: RunState
    command: str = ""
    cluster: str = ""
    inventory: str = ""
    user: str = ""
    host: str = ""
    pid: int = 0
    began: str = ""
    """UTC, ISO 8601."""
    seconds: float = 0.0
    """Until its last line."""
    exit_code: int | None = None
    error: str = ""
    steps: tuple[StepRecord, ...] = ()


def journal_folder() -> Path:
    """Return the folder of the journals (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "swarmkit" / "runs"
