"""A host whose join goes on though the run that began it was killed: it is waited for before anything is planned."""

from __future__ import annotations

from collections.abc import Callable

from swarmkit.observed.model import Observed
from swarmkit.observed.parse import swarm_state
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.reach.engine import EngineError
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.retry import wait_until

Look = Callable[[Fleet], tuple[Plan, Observed]]
"""Observes and plans."""
JOIN_SECONDS = 30.0
"""How long a join may take: an engine gives its client up after 20 s and goes on (moby daemon/cluster, swarm.go)."""


def joins_ended(fleet: Fleet, look: Look, progress: Progress) -> tuple[Plan, Observed]:
    """Return what *look* sees; where that is refused and hosts are joining, what it sees when they have joined.

    A manager whose peers are gone is ``pending`` too: without one that tells of the cluster nobody is waited for.
    """
    plan, observed = look(fleet)
    joining = [name for name, facts in observed.hosts.items() if facts.engine.swarm_state == "pending"]
    if not plan.refusals or not joining or observed.cluster is None:
        return plan, observed
    progress.warned(
        "observe", f"{', '.join(joining)}: a join is under way there; waiting until it ends, {JOIN_SECONDS:g} s at most"
    )
    wait_until(
        lambda: {swarm_state(fleet[name].engine.info()) for name in joining},
        lambda states: "pending" not in states,
        timeout_seconds=JOIN_SECONDS,
        retry_on=(EngineError,),
    )
    return look(fleet)
