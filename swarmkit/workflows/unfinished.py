"""How a run ends that did not do all that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.plan.model import Applied, Plan

if TYPE_CHECKING:
    from swarmkit.workflows.lost_hosts import HostLostError


class RefusedError(SwarmkitError):
    """The plan is refused; nothing was changed, but for what was *applied* of an earlier plan of the same run."""

    def __init__(self, plan: Plan, applied: Sequence[Applied] = ()) -> None:
        done = [outcome for one in applied for outcome in one.outcomes.values() if outcome.status == "done"]
        super().__init__(f"refused after {len(done)} operations" if applied else "refused, nothing was changed")
        self.plan = plan
        self.applied = tuple(applied)


class IncompleteError(SwarmkitError):
    """Some operation failed; *applied* says what is done, what failed and what was not started."""

    def __init__(self, applied: Applied) -> None:
        first = applied.failed[0]
        super().__init__(f"{first.step.target}: {first.step.summary} failed")
        self.applied = applied
        self.lost: HostLostError | None = None
        """Set where hosts were lost meanwhile."""
        if any(isinstance(outcome.error, NotConvergedError) for outcome in applied.failed):
            self.exit_code = NotConvergedError.exit_code


def whole(applied: Applied) -> Applied:
    """Return what was *applied*; raises IncompleteError where a part of it failed."""
    if applied.failed:
        raise IncompleteError(applied)
    return applied
