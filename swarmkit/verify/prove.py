"""The proofs: tried again while something is not proved, as long as the caller is patient. Never writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.logins import for_logins
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.proof import Proof
from swarmkit.reach.answering import of_those_that_answer, raise_where_silent
from swarmkit.reach.fleet import Fleet, Unreached
from swarmkit.verify import codes
from swarmkit.verify.encryption.leaks import Leaks
from swarmkit.verify.live import read_live
from swarmkit.verify.no_cluster import no_cluster
from swarmkit.verify.proving import Proving
from swarmkit.verify.silent import prove_answers, with_costs, with_silence
from swarmkit.verify.ways.published import (
    FROM_HERE_PATIENCE_SECONDS,
)

PAUSE_SECONDS = 0.5


def prove(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    *,
    on_phase: Callable[[str], None] = lambda _: None,
    patience_seconds: float = 0.0,
    silent: Unreached = MappingProxyType({}),
    all_must_answer: bool = False,
) -> Proof:
    """Return what is proved (``ok``), what is not (``error``) and what is worth knowing (``warning``).

    Without *stack*, all services of the cluster are proved against their own specs. A host that fails becomes a
    finding, as does each that does not answer: *silent*, with why. One that falls silent meanwhile does too, but where
    *all_must_answer*: there its error is raised. Any other exception is a bug.

    While something is not proved, all is tried again until *patience_seconds* have passed, beginning with a new look at
    hosts and nodes: names and VIPs reach the hosts by gossip, seconds after a task runs, and up to half a minute after
    an engine's restart; a node that was demoted is not ready for a moment. Errors that kernels only counted are looked
    for once more in any case: the packets of a doctor that runs meanwhile are counted too. What was seen open once
    stays an error: no later look takes back that it crossed in clear.
    """
    leaks = Leaks()
    deadline = time.monotonic() + patience_seconds
    from_here_seconds = min(patience_seconds, FROM_HERE_PATIENCE_SECONDS)
    counted_before = False
    while True:
        proof = _prove_once(fleet, inventory, stack, observed, on_phase, from_here_seconds, leaks)
        errors = {finding.code for finding in proof.findings if finding.severity == "error"}
        only_counted = errors == {codes.ESP_ERRORS} and not counted_before
        if not errors or (time.monotonic() > deadline and not only_counted):
            if errors and all_must_answer:
                raise_where_silent(fleet)
            failed = {one.where for one in proof.findings if one.code == codes.HOST and one.severity == "error"}
            told = with_silence(proof.findings, silent.keys() | failed)
            findings = with_costs((*prove_answers(inventory, silent), *told))
            told_by = observed.cluster.told_by if observed.cluster else ""
            return replace(proof, findings=for_logins(findings, inventory, told_by))
        counted_before = counted_before or only_counted
        time.sleep(PAUSE_SECONDS)
        observed, fleet, lost = of_those_that_answer(fleet, lambda those: observe(those, kernel="never"))
        if lost and all_must_answer:
            raise next(iter(lost.values()))
        silent = {**silent, **lost}


def _prove_once(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    on_phase: Callable[[str], None],
    from_here_seconds: float,
    leaks: Leaks,
) -> Proof:
    cluster = observed.cluster
    if cluster is None:
        return Proof((no_cluster(inventory, stack, observed, observed.cluster_error),))
    on_phase("reading services and tasks")
    try:
        names = silent_nodes(inventory, observed, cluster)
        live = read_live(fleet[cluster.told_by].engine, cluster, observed, stack, names)
    except SwarmkitError as error:
        return Proof((no_cluster(inventory, stack, observed, str(error)),))
    return Proving(fleet, inventory, observed, cluster, live, from_here_seconds, leaks).proof(stack, on_phase)


def prove_networks(fleet: Fleet, inventory: Inventory, observed: Observed, patience_seconds: float) -> dict[str, bool]:
    """Return by ID, for each encrypted network that a service is on, whether its encryption is proved.

    Like *prove*, it probes between the tasks and tries again for *patience_seconds*; raises SwarmkitError without a
    manager that tells of the cluster.
    """
    leaks = Leaks()
    deadline = time.monotonic() + patience_seconds
    cluster = observed.cluster
    if cluster is None:
        return {}
    while True:
        names = silent_nodes(inventory, observed, cluster)
        live = read_live(fleet[cluster.told_by].engine, cluster, observed, None, names)
        verdicts = Proving(fleet, inventory, observed, cluster, live, 0.0, leaks).encryption()
        if time.monotonic() > deadline or all(verdicts.values()):
            return verdicts
        time.sleep(PAUSE_SECONDS)
