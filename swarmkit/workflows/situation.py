"""Looking at hosts of which some may be gone, and waiting until facts of them hold. Never writes."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.playbooks.model import Condition
from swarmkit.errors import NotConvergedError, UnreachableError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.situation import Situation, holds
from swarmkit.reach.answering import in_a_line
from swarmkit.reach.engine import EngineError
from swarmkit.reach.engine_start import Tell
from swarmkit.reach.fleet import NoneReachedError, reach_some
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError
from swarmkit.secret import Secret

_INTERVAL_SECONDS = 2.0


def look(inventory: Inventory, *, sudo_password: Secret | None = None, on_waiting: Tell = lambda _: None) -> Situation:
    """Return how things are; that no host answers is a fact like others, told in ``silent``.

    Raises NoneReachedError where one of them answers, and lets nobody do what is needed.
    """
    try:
        with reach_some(inventory, sudo_password=sudo_password, on_waiting=on_waiting) as (fleet, silent):
            return Situation(inventory, observe(fleet, kernel="never"), in_a_line(silent))
    except NoneReachedError as error:
        if not all(isinstance(one, (UnreachableError, CommandTimeoutError)) for one in error.failures.values()):
            raise
        return Situation(inventory, Observed({}, None), in_a_line(error.failures))


def unmet(situation: Situation, conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return those of *conditions* that do not hold."""
    return tuple(one for one in conditions if holds(situation, one.fact, one.host) != one.wanted)


def wait_for(
    inventory: Inventory,
    conditions: Sequence[Condition],
    *,
    timeout_seconds: float,
    sudo_password: Secret | None = None,
    on_waiting: Tell = lambda _: None,
) -> None:
    """Wait until all *conditions* hold; raises NotConvergedError with those that do not."""
    left = wait_until(
        lambda: unmet(look(inventory, sudo_password=sudo_password, on_waiting=on_waiting), conditions),
        lambda missing: not missing,
        timeout_seconds=timeout_seconds,
        interval_seconds=_INTERVAL_SECONDS,
        # A host that goes away in the middle of a look.
        retry_on=(ConnectionLostError, CommandTimeoutError, EngineError),
    )
    if left:
        raise NotConvergedError(f"not so: {', '.join(map(str, left))}", f"waited {timeout_seconds:g} s for it")
