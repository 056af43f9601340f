"""Proofs that what is declared is live: what `up` would still do, each step of it a finding; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.observed.model import RECORD_LABEL, Observed
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Operation, Plan
from swarmkit.plan.planner import make_plan
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.forgotten import FORCED
from swarmkit.plan.stacks.operations import CreateFile
from swarmkit.verify import codes

_COMPARED = ("network", "secret", "config", "service")


def compare(declared: Declared, observed: Observed) -> Plan:
    """Return what is left to do, with the removals, in spite of what the doctor has against the hosts."""
    against = {finding.code for finding in host_refusals(declared.inventory, observed, adopt=True)}
    return make_plan(replace(declared, adopt=True, prune=True, overridden=frozenset(against)), observed)


def prove_as_declared(declared: Declared, observed: Observed, plan: Plan) -> Iterator[Finding]:
    """Prove that networks, services, secrets and configs are as declared; nodes are another proof's matter."""
    found = [_refused(refusal) for refusal in plan.refusals]
    found += [_finding(operation) for operation in (*plan.writes, *plan.held_back) if _is_deviation(operation)]
    found += _autolock(declared, observed)
    yield from found
    if not found and declared.stack is not None:
        stack = declared.stack
        what = f"networks, services, secrets and configs of the stack {stack.name} are as declared"
        evidence = f"{len(stack.services)} services, {len(stack.networks)} networks, {len(stack.secrets)} secrets, "
        yield Finding(codes.DECLARED, "ok", stack.name, what, f"{evidence}{len(stack.configs)} configs")


def _is_deviation(operation: Operation) -> bool:
    step = operation.step
    is_record = isinstance(operation, CreateFile) and RECORD_LABEL in operation.labels
    # A service whose task the scheduler has forgotten is as declared: that the task does not run is told elsewhere.
    is_forced = {change.path for change in step.changes} == {FORCED}
    return step.subject in _COMPARED and step.verb in ("create", "update") and not is_record and not is_forced


def _refused(refusal: Finding) -> Finding:
    evidence = f"{refusal.code}: {refusal.evidence}" if refusal.evidence else refusal.code
    return Finding(codes.DECLARED, "error", refusal.where, refusal.what, evidence, refusal.remedy)


def _finding(operation: Operation) -> Finding:
    step = operation.step
    changes = "; ".join(
        f"{change.path}: live {change.old or 'nothing'}, declared {change.new or 'nothing'}" for change in step.changes
    )
    what = f"{step.subject} {step.target} is declared and not so: {step.summary}, {step.reason}"
    if step.verb == "update":
        what = f"{step.subject} {step.target} is not as declared"
    return Finding(codes.DECLARED, "error", step.target, what, changes, "swarmkit up")


def _autolock(declared: Declared, observed: Observed) -> Iterator[Finding]:
    """Yield when managers should lock and do not; that they lock undeclared is no deviation: it was asked for since."""
    cluster = observed.cluster
    if cluster is None or not declared.inventory.autolock:
        return
    if not (cluster.spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
        what = "swarm_autolock is declared and the managers do not lock"
        yield Finding(codes.DECLARED, "error", "swarm", what, remedy="swarmkit autolock on --store FOLDER")
