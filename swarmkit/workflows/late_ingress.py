"""Ingress on hosts that have just joined: an engine may give up on it then, and tries again when it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from swarmkit.errors import SwarmkitError, brief
from swarmkit.finding import Finding
from swarmkit.observed.ingress import with_ingress
from swarmkit.plan.logins import for_logins
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.networks import ingress_operations
from swarmkit.plan.networks.ingress import take_up
from swarmkit.reach.retry import wait_until
from swarmkit.workflows.quorum_survey import QuorumRun
from swarmkit.workflows.returned_managers import Fenced
from swarmkit.workflows.unfinished import IncompleteError


def taken_up(run: QuorumRun, fenced: Fenced, applied: Sequence[Applied]) -> Fenced:
    """Tell the nodes that joined, by what was *applied*, of ingress again, where their engines gave up on it.

    The recovery is made by now: nothing that fails here hides it, it is told as a finding. See TakeUpIngress.
    """
    joined, observed = _joined((*applied, *fenced.applied)), fenced.observed
    if observed.cluster is None or not joined:
        return fenced
    try:
        late = wait_until(
            lambda: with_ingress(fenced.fleet, observed).without_ingress,
            lambda hosts: not hosts,
            timeout_seconds=ingress_operations.TAKEN_UP_SECONDS,
        )
        if not late:
            return fenced
        plan = Plan((take_up(observed.cluster.told_by, sorted(late), frozenset()),))
        done, observed = run.apply(plan, fenced.fleet, observed)
    except SwarmkitError as error:
        begun = (error.applied,) if isinstance(error, IncompleteError) else ()
        what, remedy = "its published ports may answer nobody", "systemctl restart docker"
        told = [Finding("V06", "error", name, what, brief(error), f"on {name}: {remedy}") for name in joined]
        findings = for_logins((*fenced.findings, *told), run.inventory, "")
        return replace(fenced, applied=(*fenced.applied, *begun), findings=findings)
    return replace(fenced, applied=(*fenced.applied, *done), observed=observed)


def _joined(applied: Sequence[Applied]) -> list[str]:
    """Return the hosts whose joins were *applied*."""
    steps = (outcome.step for one in applied for outcome in one.outcomes.values() if outcome.status == "done")
    return [step.target for step in steps if step.key.startswith("join:")]
