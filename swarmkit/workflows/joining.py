"""A swarm on its way: what passes by itself is waited for before anything is planned.

A host's join goes on though the run that began it was killed; managers that lost their power have no leader at first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from swarmkit.observed.model import Observed
from swarmkit.observed.parse import swarm_state
from swarmkit.observed.raft import possible_managers
from swarmkit.plan.engines.started_engine import NOT_YET
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes import leader
from swarmkit.plan.progress import Progress
from swarmkit.reach.engine import EngineError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import ConnectionGoneError

Look = Callable[[Fleet], tuple[Plan, Observed]]
"""Observes and plans."""
JOIN_SECONDS = 30.0
"""How long a join may take: an engine gives its client up after 20 s and goes on (moby daemon/cluster, swarm.go)."""


def settled(fleet: Fleet, look: Look, progress: Progress) -> tuple[Plan, Observed]:
    """Return what *look* sees; where that is refused, what it sees once there is a leader, and hosts have joined."""
    plan, observed = look(fleet)
    if plan.refusals and (electing := _electing(observed)):
        told = f"{', '.join(electing)}: no manager tells of the swarm; waiting until it has a leader"
        progress.warned("observe", f"{told}, {leader.LEADER_SECONDS:g} s at most")
        leader.once_a_leader_tells(lambda: _has_leader(fleet, electing))
        plan, observed = look(fleet)
    return _joins_ended(fleet, look, progress, (plan, observed))


def _electing(observed: Observed) -> list[str]:
    """Return the managers that may find a leader yet, where nobody tells of the swarm.

    None of them where one is locked, or where most of those that they know are no hosts here: nobody waits for these.
    """
    engines = {name: observed.hosts[name].engine for name in possible_managers(observed)}
    if observed.cluster is not None or any(engine.swarm_state == "locked" for engine in engines.values()):
        return []
    known = frozenset[str]().union(*(engine.remote_managers for engine in engines.values())) - {""}
    here = known & {facts.engine.node_id for facts in observed.hosts.values()}
    return list(engines) if not known or 2 * len(here) > len(known) else []


def _has_leader(fleet: Fleet, managers: Collection[str]) -> bool:
    """Tell whether any of *managers* tells of its cluster, which the leader alone knows.

    Raises ConnectionGoneError once none of them can be asked any more.
    """

    def tells(name: str) -> bool:
        swarm = fleet[name].engine.info()["Swarm"]
        return bool(swarm.get("ControlAvailable") and (swarm.get("Cluster") or {}).get("ID"))

    answers = fan_out(managers, tells)
    gone = [answer for answer in answers.values() if isinstance(answer, ConnectionGoneError)]
    if len(gone) == len(answers):
        raise gone[0]
    for answer in answers.values():
        if isinstance(answer, Exception) and not isinstance(answer, NOT_YET):
            raise answer
    return any(answer is True for answer in answers.values())


def _joins_ended(fleet: Fleet, look: Look, progress: Progress, seen: tuple[Plan, Observed]) -> tuple[Plan, Observed]:
    """Return what was *seen*; where that is refused and hosts are joining, what *look* sees when they have joined.

    A manager whose peers are gone is ``pending`` too: without one that tells of the cluster nobody is waited for.
    """
    plan, observed = seen
    joining = [name for name, facts in observed.hosts.items() if facts.engine.swarm_state == "pending"]
    if not plan.refusals or not joining or observed.cluster is None:
        return seen
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
