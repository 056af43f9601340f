"""Lost managers that answer again while a quorum is recovered: seen before the force, fenced after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError, brief
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.progress import telling
from swarmkit.plan.states.survey import came_back
from swarmkit.reach.answering import in_a_line, of_those_that_answer
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.fleet import Fleet, reach_some
from swarmkit.secret import Secret
from swarmkit.workflows.quorum_survey import QuorumRun, survey_and_plan
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import IncompleteError, RefusedError

_AGAIN = "once it is back run this again, before anything else: it leaves and joins"

_PHASE = "look for the lost managers"


def refuse_what_came_back(inventory: Inventory, survivor: Engine, lost: Collection[str], terms: Terms) -> None:
    """Look once more right before a new cluster is forced: a plan may have waited for its answer for long.

    A manager that boots is waited for in it, as long as for any answer of an engine: systemd opens the engine's socket
    (docker.socket) before sshd starts.
    Raises RefusedError where one of the *lost* answers by now, or where the swarm has a leader again.
    """
    terms.progress.phase(_PHASE)
    with ExitStack() as resources:
        back = list(answering(inventory, lost, terms, resources))
    try:
        leads = bool(survivor.swarm())
    except EngineError:
        leads = False
    if back or leads:
        raise RefusedError(Plan((), tuple(came_back(back, survivor.host if leads else ""))))


def answering(inventory: Inventory, silent: Collection[str], terms: Terms, resources: ExitStack) -> Fleet:
    """Return those of the *silent* hosts that answer by now."""
    asked = tuple(host for host in inventory.hosts if host.name in silent)
    try:
        reached = reach_some(
            replace(inventory, hosts=asked),
            sudo_password=terms.sudo_password,
            on_waiting=telling(terms.progress, _PHASE),
        )
        return resources.enter_context(reached)[0] if asked else {}
    except SwarmkitError:
        return {}


@dataclass(frozen=True)
class Fenced:
    """What came of it, and who answers."""

    fleet: Fleet
    observed: Observed
    applied: tuple[Applied, ...] = ()
    findings: tuple[Finding, ...] = ()


def fence(
    run: QuorumRun,
    fleet: Fleet,
    observed: Observed,
    back: Fleet,
    silent: Mapping[str, str],
    unlock_keys: Sequence[Secret],
) -> Fenced:
    """Let those that are *back* leave the old raft and join the recovered swarm, which *fleet* makes up.

    The recovery is made by now, as *observed*: nothing that fails here hides it, it is told as a finding.
    """
    still = {name: why for name, why in silent.items() if name not in back}
    try:
        (late, observed), answer, gone = of_those_that_answer(
            {**fleet, **back}, lambda those: survey_and_plan(run.inventory, those, still, (), "", unlock_keys)
        )
    except SwarmkitError as error:
        return Fenced(fleet, observed, (), (_not_fenced(back, brief(error)),))
    findings = tuple(_silent_again(in_a_line(gone), back))
    if observed.cluster is None:
        # An election, say: without a leader a plan would be one to force another new cluster.
        return Fenced(answer, observed, (), (*findings, _not_fenced(back, observed.cluster_error)))
    findings += late.plan.refusals
    if not late.plan.operations:
        return Fenced(answer, observed, (), findings)
    try:
        applied, observed = run.apply(late.plan, answer, observed)
    except SwarmkitError as error:
        applied = (error.applied,) if isinstance(error, IncompleteError) else ()
        return Fenced(answer, observed, applied, (*findings, _not_fenced(back, brief(error))))
    return Fenced(answer, observed, applied, findings)


def _not_fenced(back: Fleet, why: str) -> Finding:
    return Finding("H54", "error", ", ".join(back), "is back and was not fenced", why, _AGAIN)


def _silent_again(gone: Mapping[str, str], back: Fleet) -> Iterator[Finding]:
    for name, why in gone.items():
        if name in back:
            yield Finding("H54", "warning", name, "answered, and fell silent again", why, _AGAIN)
        else:
            yield Finding("H54", "error", name, "fell silent after the recovery", why, "see: swarmkit status")
