"""`recover quorum`: one surviving manager goes on, the old ones are kept away, and the declared managers grow again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError, brief
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.engines.started_engine import ingress_sandbox, is_unannounced
from swarmkit.plan.logins import for_logins
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.progress import telling
from swarmkit.plan.states.quorum_recovery import MARK
from swarmkit.plan.states.recovery_operations import AnnounceIngress
from swarmkit.reach.answering import in_a_line
from swarmkit.reach.fleet import ReachedHost, reach_some
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.late_ingress import taken_up
from swarmkit.workflows.one_writer import one_writer, refuse_an_old_plan
from swarmkit.workflows.quorum_survey import QuorumRun, of_fleet, survey_and_plan
from swarmkit.workflows.returned_managers import Fenced, answering, fence, refuse_what_came_back
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import IncompleteError, RefusedError
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS


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
    inventory: Inventory,
    terms: Terms,
    *,
    lost: Collection[str],
    going_on: str,
    unlock_keys: Sequence[Secret],
    overridden: Collection[str] = (),
) -> RecoveryReport | None:
    """Give the swarm a quorum again with the hosts that answer; None when nothing was to do or nobody agreed.

    What forbids to let the hosts grow into it again refuses it before the force, but for the codes *overridden*; where
    it comes up afterwards, old managers are fenced all the same.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    progress = terms.progress
    progress.phase("connect")
    with ExitStack() as resources:
        reached, unreached = resources.enter_context(
            reach_some(inventory, sudo_password=terms.sudo_password, on_waiting=telling(progress))
        )
        silent = in_a_line(unreached)
        progress.phase("observe")
        recovery, observed = survey_and_plan(inventory, reached, silent, lost, going_on, unlock_keys, overridden)
        if recovery.plan.refusals:
            raise RefusedError(recovery.plan)
        if not terms.confirm(recovery.plan) or recovery.plan.is_empty:
            return None
        # One that was cut off has not started the engine again since its force either.
        is_new = observed.cluster is None or any(operation.step.key == MARK for operation in recovery.plan.operations)
        ingress = ingress_sandbox(reached[recovery.manager]) if is_new else ""
        # The one that goes on stands first: it takes the writes, and the lock is kept by it alone.
        manager = {recovery.manager: reached[recovery.manager]}
        fleet = {**manager, **reached}
        writer = resources.enter_context(
            one_writer(manager, observed, progress, "recover quorum", terms.lock_wait_seconds, hosts=reached)
        )
        if observed.cluster is None:
            refuse_an_old_plan(writer)
            refuse_what_came_back(inventory, reached[recovery.manager].engine, lost, terms)
        run = QuorumRun(inventory, terms, resources, writer, frozenset(overridden))
        refused: RefusedError | None = None
        try:
            applied, observed = run.apply(recovery.plan, fleet, observed)
        except RefusedError as error:
            refused, applied, observed = error, error.applied, observe(fleet, kernel="never")
        progress.phase("look for the lost managers")
        back = answering(inventory, silent, terms, resources)
        fenced = fence(run, fleet, observed, back, silent, unlock_keys) if back else Fenced(fleet, observed)
        fenced = _with_ingress(run, fenced, reached[recovery.manager], ingress)
        fenced = taken_up(run, fenced, applied)
        if refused is not None:
            raise refused
        progress.phase("verify")
        there = of_fleet(inventory, fenced.fleet)
        proof = prove(fenced.fleet, there, None, fenced.observed, patience_seconds=PROOF_PATIENCE_SECONDS)
        findings = (*fenced.findings, *proof.findings)
        return RecoveryReport((*applied, *fenced.applied), fenced.observed, there, findings)


def _with_ingress(run: QuorumRun, fenced: Fenced, survivor: ReachedHost, before: str) -> Fenced:
    """Let other nodes learn of the *survivor*'s published ports; after the fencing, as its engine is started again."""
    if fenced.observed.cluster is None:
        return fenced
    name = survivor.host.name
    why = "its ingress is of before the new cluster, and no other node knows of it"
    plan = Plan((AnnounceIngress(Step(f"ingress:{name}", "node", "update", name, "start its engine again", why)),))
    try:
        if not is_unannounced(survivor, before):
            return fenced
        applied, observed = run.apply(plan, fenced.fleet, fenced.observed)
    except SwarmkitError as error:
        # The recovery is made by now, and is told.
        begun = (error.applied,) if isinstance(error, IncompleteError) else ()
        what, remedy = "its published ports may answer nobody", f"on {name}: systemctl restart docker"
        told = Finding("V06", "error", name, what, brief(error), remedy)
        findings = for_logins((*fenced.findings, told), run.inventory, "")
        return replace(fenced, applied=(*fenced.applied, *begun), findings=findings)
    return replace(fenced, applied=(*fenced.applied, *applied), observed=observed)
