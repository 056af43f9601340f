"""What `up` and `plan` do before anything is written: read ahead, look at the hosts, plan."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
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

    observed, evidence = _look_and_examine(declared, fleet)
    plan = make_plan(declared, observed)
    if plan.is_empty:
        return plan, observed
    found, observed = _findings(plan, declared, fleet, observed, evidence)
    if not found and not any(kernel_refusals(observed)):
        return plan, observed
    return make_plan(declared, observed, found), observed


def _look_and_examine(declared: Declared, fleet: Fleet) -> tuple[Observed, Evidence | None]:
    """Observe; where no host is in a swarm, gather beside it what the doctor looks at: all of them become nodes."""
    with ThreadPoolExecutor(max_workers=len(fleet) + 1) as pool:
        infos = {name: pool.submit(reached.engine.info) for name, reached in fleet.items()}
        looking = pool.submit(look_at, declared, fleet, kernel="auto", infos=infos)
        if any(swarm_state(info.result()) != "inactive" for info in infos.values()):
            return looking.result(), None
        from swarmkit.doctor.evidence import gather_beside

        evidence = gather_beside(fleet, declared.inventory, declared.stack, infos, looking.result)
        return evidence.observed, evidence


def _findings(
    plan: Plan, declared: Declared, fleet: Fleet, observed: Observed, evidence: Evidence | None
) -> tuple[tuple[Finding, ...], Observed]:
    """Return what is to be said of *plan*, and *observed* with every host's kernel: both are asked at once."""
    from swarmkit.doctor.plan_checks import plan_findings

    with ThreadPoolExecutor(max_workers=1) as beside:
        kernels = beside.submit(with_kernel_facts, fleet, observed)
        found = plan_findings(fleet, plan, declared.inventory, declared.stack, observed)
        observed = kernels.result()
    if plan.makes_nodes:
        found += _of_nodes(declared, fleet, observed, evidence, found)
    elif makes_first_encrypted(plan, observed):
        examined = encryption_findings(fleet, declared.inventory, declared.stack, observed)
        found += tuple(one for one in examined if one not in found)
    return found, observed


def _of_nodes(
    declared: Declared, fleet: Fleet, observed: Observed, evidence: Evidence | None, told: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    from swarmkit.doctor.evidence import gather
    from swarmkit.doctor.examine import examine
    from swarmkit.plan.nodes.plans import lost_data, rejoining

    evidence = evidence or gather(fleet, declared.inventory, declared.stack, observed)
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
