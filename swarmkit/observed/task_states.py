"""The states in which a task runs no more, in the engine's words (moby/swarmkit api/types.proto)."""

from __future__ import annotations

FAILED = ("failed", "rejected")
ENDED = (*FAILED, "complete", "shutdown", "remove", "orphaned")
