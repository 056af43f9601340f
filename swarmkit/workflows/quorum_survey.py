"""What a recovery of the quorum looks at, plans and applies with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.left_by_force import answering_managers, left_by_force
from swarmkit.observed.model import RECOVERY_LABEL, Observed
from swarmkit.observed.observe import observe, with_cluster_now
from swarmkit.observed.raft import possible_managers, possible_members, read_raft
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.states.quorum_recovery import Recovery, recovery_plan
from swarmkit.plan.states.survey import Survey
from swarmkit.reach.fleet import Fleet
from swarmkit.secret import Secret
from swarmkit.workflows.one_writer import OneWriter
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back

ELECTION_SECONDS = 45.0
"""Within it a manager without a leader asks for votes: 10 to 20 s after the leader was heard last, then again; the
leader itself takes up to 20 s before that to see that it is alone (etcd raft.go, CheckQuorum)."""


@dataclass(frozen=True)
class QuorumRun:
    inventory: Inventory
    terms: Terms
    resources: ExitStack
    writer: OneWriter
    overridden: frozenset[str] = frozenset()

    def apply(self, plan: Plan, fleet: Fleet, observed: Observed) -> tuple[tuple[Applied, ...], Observed]:
        woken = self.resources.enter_context(wakeups(fleet))
        seconds, back = self.terms.service_timeout_seconds, taken_back(plan, observed)
        waiter = Waiter(fleet, woken, self.terms.progress, seconds, back)
        # Whoever made the swarm: it is the inventory's by the force, and its members have to grow again.
        declared = Declared(
            of_fleet(self.inventory, fleet), adopt=True, data=DeclaredData(), overridden=self.overridden
        )
        return apply_rounds(plan, declared, fleet, observed, waiter, self.writer)


def of_fleet(inventory: Inventory, fleet: Fleet) -> Inventory:
    """Return *inventory* with the hosts of *fleet* alone, in its order."""
    return replace(inventory, hosts=tuple(reached.host for reached in fleet.values()))


def survey_and_plan(
    inventory: Inventory,
    fleet: Fleet,
    silent: Mapping[str, str],
    lost: Collection[str],
    going_on: str,
    unlock_keys: Sequence[Secret],
    overridden: Collection[str] = (),
) -> tuple[Recovery, Observed]:
    """Return how the swarm gets a quorum again, or old managers are fenced; see recovery_plan. Only reads."""
    observed = _told_by_who_went_on(fleet, observe(fleet, kernel="never"))
    managers = [*possible_managers(observed), *_strangers(observed)]
    several = observed.cluster is None and len(managers) > 1
    raft = read_raft(fleet, managers, wait_seconds=ELECTION_SECONDS if several else 0.0)
    survey = Survey(inventory, observed, raft, silent)
    recovery = recovery_plan(survey, lost=lost, going_on=going_on, unlock_keys=unlock_keys, overridden=overridden)
    return recovery, observed


def _told_by_who_went_on(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with the swarm of the manager that was forced to go on, where its recovery was cut off then.

    Without the mark the others, who are back and believe in the old one, tell of a swarm just as good.
    """
    cluster = observed.cluster
    if cluster is None or left_by_force(cluster.nodes, answering_managers(observed.hosts)):
        return observed
    recovery = observed.hosts[cluster.told_by].engine.recovery
    for name, facts in observed.hosts.items():
        if name != cluster.told_by and facts.engine.is_manager and facts.engine.recovery == recovery:
            own = with_cluster_now({name: fleet[name]}, Observed({name: facts}, None)).cluster
            if own and left_by_force(own.nodes, answering_managers(observed.hosts)):
                return replace(observed, cluster=own)
    return observed


def _strangers(observed: Observed) -> list[str]:
    """Return the hosts that a recovered swarm does not know, and that run no raft any more.

    An engine ends its raft when the swarm that went on answers it that it is no member.
    """
    cluster = observed.cluster
    if cluster is None or RECOVERY_LABEL not in cluster.labels:
        return []
    return [
        name
        for name in possible_members(observed)
        if name not in possible_managers(observed) and cluster.node(observed.hosts[name].engine.node_id) is None
    ]
