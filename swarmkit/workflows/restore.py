"""`restore`: a backup back onto its manager's host; the others join again, and lost volumes get their data."""

from __future__ import annotations

import datetime
from contextlib import ExitStack, suppress
from dataclasses import replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import with_set_aside
from swarmkit.observed.volumes import with_volumes
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import telling
from swarmkit.plan.restore.after import after_plan
from swarmkit.plan.restore.model import Scene
from swarmkit.plan.restore.planning import restore_plan
from swarmkit.reach.answering import in_a_line, of_those_that_answer
from swarmkit.reach.fleet import reach_some
from swarmkit.recovery.archive import Archive
from swarmkit.verify.prove import prove
from swarmkit.workflows.backed_up_data import check_cluster
from swarmkit.workflows.one_writer import one_writer, refuse_an_old_plan
from swarmkit.workflows.recover import RecoveryReport
from swarmkit.workflows.restore_scene import Agreed, backup_of, look
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, apply_rounds
from swarmkit.workflows.waiting import Waiter, taken_back

SETTLE_TIMEOUT_SECONDS = 120.0


def restore(inventory: Inventory, content: Archive, agreed: Agreed, terms: Terms) -> RecoveryReport | None:
    """Let the backup's manager go on from it, the others join it again, and lost volumes get their data.

    A run that was cut off is gone on with. Returns None when nobody agreed. Raises InputError for a backup of
    another cluster before any host is asked; RefusedError, LockedError, IncompleteError or NotConvergedError later.
    """
    check_cluster(content, inventory)
    name = content.manifest.host
    backup = backup_of(content)
    progress = terms.progress
    progress.phase("connect")
    with ExitStack() as resources:
        fleet, silent = resources.enter_context(
            reach_some(inventory, sudo_password=terms.sudo_password, on_waiting=telling(progress))
        )
        progress.phase("observe")
        observed = with_volumes(fleet, observe(fleet, kernel="never"))

        def plan_for(observed: Observed) -> Plan:
            scene = look(fleet, Scene(inventory, backup, observed, {}, in_a_line(silent)), agreed)
            aside = f"swarm.before-restore-{datetime.datetime.now(tz=datetime.UTC):%Y%m%dT%H%M%SZ}"
            return after_plan(scene) if scene.is_forced else restore_plan(scene, aside)

        plan = plan_for(observed)
        if plan.refusals:
            raise RefusedError(plan)
        if not terms.confirm(plan):
            return None
        answering = sorted((fleet[each].host for each in fleet), key=lambda host: host.name != name)
        reached = replace(inventory, hosts=tuple(answering))
        keepers = {name: fleet[name]} if name in fleet else fleet
        ended = {content.manifest.lock} - {""}
        writer = resources.enter_context(
            one_writer(keepers, observed, progress, "restore", terms.lock_wait_seconds, ended=ended, hosts=fleet)
        )
        if observed.cluster is None:
            refuse_an_old_plan(writer)
        # A manager may have come back while the plan waited for its answer.
        again = plan_for(with_volumes(fleet, observe(fleet, kernel="never")))
        if again.refusals:
            raise RefusedError(again)
        waiter = Waiter(fleet, resources.enter_context(wakeups(fleet)), progress, terms.service_timeout_seconds)
        declared = Declared(reached, data=DeclaredData())
        applied, observed = apply_rounds(plan, declared, fleet, observed, waiter, writer, replan=plan_for)
        progress.phase("converge")
        was_back = taken_back(plan, observed)
        _settle(replace(waiter, timeout_seconds=SETTLE_TIMEOUT_SECONDS, taken_back=was_back), observed)
        progress.phase("verify")
        findings = prove(fleet, reached, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings
        there, _, _ = of_those_that_answer(fleet, lambda fleet: with_set_aside(fleet, observed))
        return RecoveryReport(applied, there, reached, findings)


def _settle(waiter: Waiter, observed: Observed) -> None:
    """Give the services time to start: the last of them stood still until the data was in."""
    services = observed.cluster.services if observed.cluster else ()
    # A service that cannot run, for lack of its image or host, is told by the proof and does not end the restore.
    with suppress(NotConvergedError):
        waiter.wait_for_services([service.name for service in services], observed)
