"""What `up` and `plan` do before anything is written: read ahead, look at the hosts, plan."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import KernelQuestion, observe, with_kernel_facts
from swarmkit.observed.parse import swarm_state
from swarmkit.observed.volumes import with_volumes
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.first_encryption import encryption_findings, makes_first_encrypted

if TYPE_CHECKING:
    from swarmkit.doctor.evidence import Evidence


def import_planner() -> None:
    """Do what planning needs and no host."""
    importlib.import_module("swarmkit.plan.planner")


def plan_for(declared: Declared, fleet: Fleet) -> tuple[Plan, Observed]:
    """Observe and plan.

    A plan that changes something was made knowing every kernel; one that makes nodes, with all the doctor's checks; one
    that makes a living swarm's first encrypted network, with those of what carries it between the hosts.
    """
    from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
    from swarmkit.plan.planner import make_plan

    seen = _look_and_examine(declared, fleet)
    with ThreadPoolExecutor(max_workers=2) as beside:
        asked = _asked_ahead(declared, fleet, seen.observed, beside)
        plan = make_plan(declared, seen.observed)
        if plan.is_empty:
            return plan, seen.observed
        found, observed = _findings(plan, declared, fleet, seen, beside, asked)
    if not found and not any(kernel_refusals(observed)):
        return plan, observed
    return make_plan(declared, observed, found), observed


@dataclass(frozen=True)
class _Seen:
    """What a plan is made of, and what was read beside it."""

    observed: Observed
    infos: Mapping[str, Future[dict[str, Any]]]
    evidence: Evidence | None = None


def _look_and_examine(declared: Declared, fleet: Fleet) -> _Seen:
    """Observe; where no host is in a swarm, gather beside it what the doctor looks at: all of them become nodes."""
    with ThreadPoolExecutor(max_workers=len(fleet) + 1) as pool:
        infos = {name: pool.submit(reached.engine.info) for name, reached in fleet.items()}
        looking = pool.submit(look_at, declared, fleet, kernel="auto", infos=infos)
        if any(swarm_state(info.result()) != "inactive" for info in infos.values()):
            return _Seen(looking.result(), infos)
        from swarmkit.doctor.evidence import gather

        evidence = gather(fleet, declared.inventory, declared.stack, infos=infos, look=looking.result)
        return _Seen(evidence.observed, infos, evidence)


def _asked_ahead(
    declared: Declared, fleet: Fleet, observed: Observed, beside: ThreadPoolExecutor
) -> Future[Observed] | None:
    """Begin to ask for every host's kernel while the plan is made, where that will make a network."""
    stack, cluster = declared.stack, observed.cluster
    if stack is None or cluster is None:
        return None
    own = (network for network in stack.networks if not network.external)
    lacks_some = any(not cluster.networks_for(network.name) for network in own)
    return beside.submit(with_kernel_facts, fleet, observed) if lacks_some else None


def _findings(
    plan: Plan,
    declared: Declared,
    fleet: Fleet,
    seen: _Seen,
    beside: ThreadPoolExecutor,
    asked: Future[Observed] | None,
) -> tuple[tuple[Finding, ...], Observed]:
    """Return what is to be said of *plan*, and what was observed with every host's kernel: all is asked at once."""
    from swarmkit.doctor.plan_checks import plan_findings

    kernels = asked or beside.submit(with_kernel_facts, fleet, seen.observed)
    gathering = None
    if not seen.evidence and (plan.makes_nodes or makes_first_encrypted(plan, seen.observed)):
        from swarmkit.doctor.evidence import gather

        gathering = beside.submit(
            gather, fleet, declared.inventory, declared.stack, infos=seen.infos, look=kernels.result
        )
    found = plan_findings(fleet, plan, declared.inventory, declared.stack, seen.observed)
    observed = kernels.result()
    evidence = gathering.result() if gathering else seen.evidence
    if evidence and plan.makes_nodes:
        found += _of_nodes(declared, fleet, observed, evidence, found)
    elif evidence and makes_first_encrypted(plan, observed):
        found += tuple(one for one in encryption_findings(evidence) if one not in found)
    return found, observed


def _of_nodes(
    declared: Declared, fleet: Fleet, observed: Observed, evidence: Evidence, told: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    from swarmkit.doctor.examine import examine
    from swarmkit.plan.nodes.plans import lost_data, rejoining

    back = {name: _volumes(fleet, name) for name in rejoining(declared.inventory, observed)}
    examined = examine(evidence, now=datetime.datetime.now(tz=datetime.UTC))
    # What is wrong with ports the plan's own findings have told, host by host.
    new = tuple(one for one in examined if one.code != "H80" and one not in told)
    return (*new, *lost_data(declared.inventory, observed, back))


def _volumes(fleet: Fleet, host: str) -> list[str]:
    return [str(volume["Name"]) for volume in fleet[host].engine.find("volumes")]


def look_at(
    declared: Declared,
    fleet: Fleet,
    *,
    kernel: KernelQuestion,
    infos: Mapping[str, Future[dict[str, Any]]] | None = None,
) -> Observed:
    """Observe what a plan for *declared* needs to know: volumes only where data goes into them. See observe."""
    observed = observe(fleet, kernel=kernel, infos=infos)
    return with_volumes(fleet, observed) if declared.data is not None else observed
