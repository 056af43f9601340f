"""The reading workflows: plan, status, verify. They change nothing on any host."""

from __future__ import annotations

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.model import Plan
from swarmkit.plan.planner import Declared, make_plan
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import reach
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove


def plan(declared: Declared, *, progress: Progress, sudo_password: Secret | None = None) -> Plan:
    """Return the plan that `up` would show."""
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        return make_plan(declared, observe(fleet, kernel=True))


def status(declared: Declared, *, progress: Progress, sudo_password: Secret | None = None) -> Observed:
    """Return what is live on the hosts."""
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        return observe(fleet, kernel=False)


def verify(declared: Declared, *, progress: Progress, sudo_password: Secret | None = None) -> tuple[Finding, ...]:
    """Prove the cluster and, if one is given, the stack."""
    progress.phase("connect")
    with reach(declared.inventory, sudo_password=sudo_password) as fleet:
        progress.phase("observe")
        observed = observe(fleet, kernel=False)
        progress.phase("verify")
        return prove(fleet, declared.inventory, declared.stack, observed)
