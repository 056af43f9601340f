"""The reading workflows: plan, status, verify. They change nothing on any host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import with_set_aside
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress, telling
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.fleet import Unreached, reach_some
from swarmkit.secret import Secret
from swarmkit.workflows.leaving_hosts import plan_without, reach_with_leaving

if TYPE_CHECKING:
    from swarmkit.proof import Proof

PATIENCE_SECONDS = 5.0
"""How long `verify` gives a proof to hold, so that a look at a bad moment is no alarm."""


def plan(declared: Declared, *, progress: Progress, sudo_password: Secret | None = None) -> Plan:
    """Return the plan that `up` would show."""
    progress.phase("connect")
    reached = reach_with_leaving(declared.inventory, sudo_password=sudo_password, on_waiting=telling(progress))
    with reached as (fleet, silent):
        progress.phase("observe")
        return plan_without(declared, silent, fleet)[0]


def status(
    declared: Declared, *, progress: Progress, sudo_password: Secret | None = None
) -> tuple[Observed, Unreached]:
    """Return what is live on the hosts that answer, and why each of the others does not.

    Raises UnreachableError when none does.
    """
    progress.phase("connect")
    with reach_some(declared.inventory, sudo_password=sudo_password, on_waiting=telling(progress)) as (fleet, silent):
        progress.phase("observe")
        observed, _, lost = of_those_that_answer(
            fleet, lambda those: with_set_aside(those, observe(those, kernel="never"))
        )
        return observed, {**silent, **lost}


def verify(declared: Declared, *, progress: Progress, sudo_password: Secret | None = None) -> Proof:
    """Prove the cluster and, if one is given, the stack, by the hosts that answer; the others are findings.

    Raises NoneReachedError when none answers: see nothing_proved.
    """
    progress.phase("connect")
    with reach_some(declared.inventory, sudo_password=sudo_password, on_waiting=telling(progress)) as (fleet, silent):
        progress.phase("observe")
        observed, fleet, lost = of_those_that_answer(fleet, lambda those: observe(those, kernel="never"))
        progress.phase("verify")
        from swarmkit.verify.prove import prove

        return prove(
            fleet,
            declared.inventory,
            declared.stack,
            observed,
            patience_seconds=PATIENCE_SECONDS,
            silent={**silent, **lost},
        )


def nothing_proved(inventory: Inventory, silent: Unreached) -> Proof:
    """Return what is said where none of the hosts answers: of each, why."""
    from swarmkit.plan.logins import for_logins
    from swarmkit.proof import Proof, SeenHost
    from swarmkit.verify.silent import prove_answers

    hosts = tuple(SeenHost(host.name, host.address, "", "does not answer") for host in inventory.hosts)
    return Proof(for_logins(prove_answers(inventory, silent), inventory, ""), hosts)
