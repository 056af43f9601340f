"""`recover quorum`: one surviving manager goes on, the old ones are kept away, and the declared managers grow again."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import possible_managers, read_raft
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied
from swarmkit.plan.states.quorum_recovery import Recovery, Survey, recovery_plan
from swarmkit.reach.answering import in_a_line
from swarmkit.reach.fleet import Fleet, reach_some
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.one_writer import one_writer
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
        manager = recovery.manager
        # The one that goes on stands first: it takes the writes, and the lock is kept by it alone.
        answering = sorted((fleet[name].host for name in fleet), key=lambda host: host.name != manager)
        reached = replace(inventory, hosts=tuple(answering))
        writer = resources.enter_context(
            one_writer({manager: fleet[manager]}, observed, progress, "recover quorum", terms.lock_wait_seconds)
        )
        woken = resources.enter_context(wakeups(fleet))
        waiter = Waiter(fleet, woken, progress, terms.service_timeout_seconds, taken_back(recovery.plan, observed))
        applied, observed = apply_rounds(recovery.plan, Declared(reached), fleet, observed, waiter, writer)
        progress.phase("verify")
        findings = prove(fleet, reached, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings
        return RecoveryReport(applied, observed, reached, findings)


def _look(
    inventory: Inventory,
    fleet: Fleet,
    silent: dict[str, str],
    lost: Collection[str],
    going_on: str,
    unlock_key: Secret,
) -> tuple[Recovery, Observed]:
    observed = observe(fleet, kernel="never")
    managers = possible_managers(observed)
    choice = observed.cluster is None and len(managers) > 1 and not going_on
    raft = read_raft(fleet, managers, wait_seconds=ELECTION_SECONDS if choice else 0.0)
    survey = Survey(inventory, observed, raft, silent)
    return recovery_plan(survey, lost=lost, going_on=going_on, unlock_key=unlock_key), observed
