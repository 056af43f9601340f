"""`recover quorum`: one surviving manager goes on, the old ones are kept away, and the declared managers grow again."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import UnreachableError
from swarmkit.finding import Finding
from swarmkit.observed.model import RECOVERY_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import possible_managers, possible_members, read_raft
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.states.quorum_recovery import Recovery, recovery_plan
from swarmkit.plan.states.survey import Survey, came_back
from swarmkit.reach.answering import in_a_line
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.fleet import Fleet, reach_some
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.one_writer import OneWriter, one_writer
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back

ELECTION_SECONDS = 30.0
"""Within it a manager without a leader asks for votes: 10 to 20 s after the leader was heard last, then again."""


@dataclass(frozen=True)
class RecoveryReport:
    applied: tuple[Applied, ...]
    observed: Observed
    inventory: Inventory
    """The hosts that answered."""
    findings: tuple[Finding, ...]

    @property
    def proof_failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def recover_quorum(
    inventory: Inventory, terms: Terms, *, lost: Collection[str], going_on: str, unlock_key: Secret
) -> RecoveryReport | None:
    """Give the swarm a quorum again with the hosts that answer; None when nothing was to do or nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    progress = terms.progress
    progress.phase("connect")
    with ExitStack() as resources:
        fleet, unreached = resources.enter_context(reach_some(inventory, sudo_password=terms.sudo_password))
        silent = in_a_line(unreached)
        progress.phase("observe")
        recovery, observed = _look(inventory, fleet, silent, lost, going_on, unlock_key)
        if recovery.plan.refusals:
            raise RefusedError(recovery.plan)
        if not terms.confirm(recovery.plan) or recovery.plan.is_empty:
            return None
        if observed.cluster is None:
            _refuse_what_came_back(inventory, fleet[recovery.manager].engine, silent, terms)
        # The one that goes on stands first: it takes the writes, and the lock is kept by it alone.
        manager = {recovery.manager: fleet[recovery.manager]}
        writer = resources.enter_context(
            one_writer(manager, observed, progress, "recover quorum", terms.lock_wait_seconds)
        )
        run = _Run(inventory, terms, resources, writer)
        applied, observed = run.apply(recovery.plan, {**manager, **fleet}, observed)
        refusals: tuple[Finding, ...] = ()
        if back := _answering(inventory, silent, terms, resources):
            progress.phase("observe again")
            fleet = {**manager, **fleet, **back}
            still = {name: why for name, why in silent.items() if name not in back}
            late, observed = _look(inventory, fleet, still, (), "", unlock_key)
            refusals = late.plan.refusals
            if late.plan.operations:
                more, observed = run.apply(late.plan, fleet, observed)
                applied += more
        progress.phase("verify")
        reached = _of(inventory, {**manager, **fleet})
        findings = prove(fleet, reached, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings
        return RecoveryReport(applied, observed, reached, (*refusals, *findings))


@dataclass(frozen=True)
class _Run:
    inventory: Inventory
    terms: Terms
    resources: ExitStack
    writer: OneWriter

    def apply(self, plan: Plan, fleet: Fleet, observed: Observed) -> tuple[tuple[Applied, ...], Observed]:
        woken = self.resources.enter_context(wakeups(fleet))
        seconds, back = self.terms.service_timeout_seconds, taken_back(plan, observed)
        waiter = Waiter(fleet, woken, self.terms.progress, seconds, back)
        return apply_rounds(plan, Declared(_of(self.inventory, fleet)), fleet, observed, waiter, self.writer)


def _of(inventory: Inventory, fleet: Fleet) -> Inventory:
    return replace(inventory, hosts=tuple(reached.host for reached in fleet.values()))


def _answering(inventory: Inventory, silent: Collection[str], terms: Terms, resources: ExitStack) -> Fleet:
    """Return those of the *silent* hosts that answer by now."""
    asked = tuple(host for host in inventory.hosts if host.name in silent)
    try:
        reached = reach_some(replace(inventory, hosts=asked), sudo_password=terms.sudo_password)
        return resources.enter_context(reached)[0] if asked else {}
    except UnreachableError:
        return {}


def _refuse_what_came_back(inventory: Inventory, survivor: Engine, silent: Collection[str], terms: Terms) -> None:
    """Look once more right before a new cluster is forced: a plan may have waited for its answer for long.

    Raises RefusedError where a lost manager answers by now, or where the swarm has a leader again.
    """
    with ExitStack() as resources:
        back = list(_answering(inventory, silent, terms, resources))
    try:
        leads = bool(survivor.swarm())
    except EngineError:
        leads = False
    if back or leads:
        raise RefusedError(Plan((), tuple(came_back(back, survivor.host if leads else ""))))


def _look(
    inventory: Inventory,
    fleet: Fleet,
    silent: dict[str, str],
    lost: Collection[str],
    going_on: str,
    unlock_key: Secret,
) -> tuple[Recovery, Observed]:
    observed = observe(fleet, kernel="never")
    managers = [*possible_managers(observed), *_strangers(observed)]
    choice = observed.cluster is None and len(managers) > 1 and not going_on
    raft = read_raft(fleet, managers, wait_seconds=ELECTION_SECONDS if choice else 0.0)
    survey = Survey(inventory, observed, raft, silent)
    return recovery_plan(survey, lost=lost, going_on=going_on, unlock_key=unlock_key), observed


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
