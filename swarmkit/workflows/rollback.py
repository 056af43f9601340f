"""`rollback`: the whole stack back to what it ran before the last `up`, planned, shown, applied, read back, proved."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.doctor.back_ports import back_port_findings
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.plan.progress import Progress, telling
from swarmkit.plan.stacks.record import Record
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan
from swarmkit.plan.stacks.silent_places import is_out_of_reach
from swarmkit.reach.fleet import Fleet, Unreached, reach_some
from swarmkit.verify.prove import prove
from swarmkit.workflows.agreed_run import agreed_plan
from swarmkit.workflows.ended_change import note_end
from swarmkit.workflows.lost_hosts import telling_of_lost
from swarmkit.workflows.some_hosts import answering_hosts, cluster_of, in_cluster, with_silent
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, UpReport, apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back


def rollback(declared: Declared, stack: str, terms: Terms, *, verify: bool = True) -> UpReport:
    """Take *stack* back and prove it, by the hosts that answer: a manager, and those that the way back needs.

    Raises UnreachableError, RefusedError, LockedError, IncompleteError, HostLostError or NotConvergedError; where
    nobody agreed, the report has no outcomes.
    """

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        cluster_of(observed, silent)
        plan, target = _plan(declared, stack, observed)
        if target and not plan.refusals:
            nodes = in_cluster(answering_hosts(declared.inventory, silent), observed)
            taken = back_port_findings(fleet, plan, nodes, target, observed)
            plan = Plan((), taken, plan.warnings) if taken else plan
        return with_silent(plan, declared.inventory, silent), observed

    progress = terms.progress
    progress.phase("connect")
    with ExitStack() as resources:
        fleet, silent = resources.enter_context(
            reach_some(declared.inventory, sudo_password=terms.sudo_password, on_waiting=telling(progress))
        )
        watched = resources.enter_context(telling_of_lost(fleet))
        agreed = resources.enter_context(agreed_plan(terms, fleet, "rollback", look))
        if agreed.writer is None:
            # A plan that somebody said no to has told of them.
            return UpReport(agreed.plan, agreed.observed, silent=silent if agreed.plan.is_empty else {})
        target = _plan(declared, stack, agreed.observed)[1]
        assert target is not None  # noqa: S101 - its plan was not refused
        woken = resources.enter_context(wakeups(fleet))
        back = taken_back(agreed.plan, agreed.observed)
        waiter = Waiter(fleet, woken, progress, terms.service_timeout_seconds, back)
        watched.observed = agreed.observed
        applied, observed = apply_rounds(
            agreed.plan,
            replace(declared, stack=None),
            fleet,
            agreed.observed,
            waiter,
            agreed.writer,
            replan=lambda seen: _plan(declared, stack, seen, target)[0],
        )
        watched.observed = observed
        progress.phase("converge")
        within = _in_reach(declared.inventory, target, observed)
        waiter.wait_for_services(within, observed)
        note_end(fleet, observed, stack, agreed.writer)
        observed = observe(fleet, kernel="never")
        if not verify:
            left_out = tuple(name for name in target.services if name not in within)
            return UpReport(agreed.plan, observed, applied, silent=silent, left_out=left_out)
        findings = _prove(declared, fleet, observed, progress, silent)
        return UpReport(agreed.plan, observed, applied, findings)


def _plan(
    declared: Declared, stack: str, observed: Observed, target: Record | None = None
) -> tuple[Plan, Record | None]:
    return make_rollback_plan(declared.inventory, stack, observed, declared.archives, target=target)


def _in_reach(inventory: Inventory, target: Record, observed: Observed) -> list[str]:
    """Return the services that can come up; the proof tells of those that only a host holds which does not answer."""
    if observed.cluster is None:
        return list(target.services)
    silent = silent_nodes(inventory, observed, observed.cluster)
    return [name for name, spec in target.services.items() if not is_out_of_reach(spec, observed.cluster, silent)]


def _prove(
    declared: Declared, fleet: Fleet, observed: Observed, progress: Progress, silent: Unreached
) -> tuple[Finding, ...]:
    """Prove every service against its own spec: the stack file may say by now what ran in between."""
    progress.phase("verify")
    proof = prove(
        fleet,
        declared.inventory,
        None,
        observed,
        patience_seconds=PROOF_PATIENCE_SECONDS,
        silent=silent,
        all_must_answer=True,
    )
    return proof.findings
