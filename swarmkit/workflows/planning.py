"""What `up` and `plan` do before anything is written: read ahead, look at the hosts, plan."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.ingress import with_ingress
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import KernelQuestion, observe, with_kernel_facts
from swarmkit.observed.parse import swarm_state
from swarmkit.observed.volumes import with_volumes
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.plan_examined import changes_what_runs, encryption_findings, host_findings, makes_encrypted
from swarmkit.workflows.untried_kernels import untried_kernels

if TYPE_CHECKING:
    from swarmkit.doctor.evidence import Evidence, HostEvidence


def import_planner() -> None:
    """Do what planning needs and no host."""
    importlib.import_module("swarmkit.plan.planner")


def plan_for(declared: Declared, fleet: Fleet) -> tuple[Plan, Observed]:
    """Observe and plan.

    A plan that changes something was made knowing every kernel; one that makes nodes, with all the doctor's checks. In
    a living swarm one that changes what runs is made with those of what any host lacks for it, and one that makes an
    encrypted network with those of what carries it between the hosts.
    """
    from swarmkit.plan.planner import make_plan, with_found

    seen = _look_and_examine(declared, fleet)
    # What makes nodes, or runs tasks, is none of those that leave.
    fleet = members(fleet, declared.inventory)
    with ThreadPoolExecutor(max_workers=3) as beside:
        asked = _ask_ahead(declared, fleet, seen, beside)
        plan = make_plan(declared, seen.observed)
        if plan.is_empty:
            return plan, seen.observed
        wants_all = plan.makes_nodes or makes_encrypted(plan)
        if asked is None or (wants_all and not asked.evidence):
            asked = _ask(declared, fleet, seen, beside, all_of_it=wants_all, before=asked)
        found, observed = _findings(plan, declared, fleet, seen, asked)
    return with_found(plan, declared, observed, found), observed


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
        from swarmkit.plan.nodes.departures import of_members

        inventory = declared.inventory

        def look() -> Observed:
            return of_members(inventory, looking.result())

        evidence = gather(members(fleet, inventory), inventory, declared.stack, infos=infos, look=look)
        return _Seen(evidence.observed, infos, evidence)


@dataclass(frozen=True)
class _Asked:
    """What is asked beside the planning."""

    kernels: Future[Observed]
    evidence: Future[Evidence] | None
    hosts: Future[dict[str, HostEvidence]] | None
    """What the doctor reads of each, where not all of its evidence is gathered."""


def _ask_ahead(declared: Declared, fleet: Fleet, seen: _Seen, beside: ThreadPoolExecutor) -> _Asked | None:
    """Begin to ask while the plan is made, where that will make networks: then it changes something, or is refused."""
    stack, cluster = declared.stack, seen.observed.cluster
    if stack is None or cluster is None:
        return None
    own = [network for network in stack.networks if not network.external]
    lacking = [network for network in own if not cluster.networks_for(network.name)]
    if not lacking:
        return None
    may_encrypt = any(network.encrypted or network.plaintext_reason is None for network in lacking)
    return _ask(declared, fleet, seen, beside, all_of_it=may_encrypt)


def _ask(
    declared: Declared,
    fleet: Fleet,
    seen: _Seen,
    beside: ThreadPoolExecutor,
    *,
    all_of_it: bool,
    before: _Asked | None = None,
) -> _Asked:
    """Ask for every host's kernel and settings, or for *all_of_it* that the doctor looks at; not what was read yet."""
    kernels = before.kernels if before else beside.submit(with_kernel_facts, fleet, seen.observed)
    if seen.evidence:
        return _Asked(kernels, None, None)
    from swarmkit.doctor.evidence import gather, read_hosts
    from swarmkit.plan.nodes.departures import of_members

    if not all_of_it:
        return _Asked(kernels, None, beside.submit(read_hosts, fleet, seen.infos, seen.observed))
    inventory, stack = declared.inventory, declared.stack

    def look() -> Observed:
        return of_members(inventory, kernels.result())

    everything = beside.submit(gather, fleet, inventory, stack, infos=seen.infos, look=look)
    return _Asked(kernels, everything, None)


def _findings(
    plan: Plan, declared: Declared, fleet: Fleet, seen: _Seen, asked: _Asked
) -> tuple[tuple[Finding, ...], Observed]:
    """Return what is to be said of *plan*, and what was observed with every host's kernel."""
    from swarmkit.doctor.plan_checks import plan_findings
    from swarmkit.plan.nodes.departures import of_members

    found = plan_findings(fleet, plan, declared.inventory, declared.stack, seen.observed)
    observed = asked.kernels.result()
    evidence = asked.evidence.result() if asked.evidence else seen.evidence
    if evidence and plan.makes_nodes:
        found += _of_nodes(declared, fleet, observed, evidence, found)
        return (*found, *untried_kernels(plan, of_members(declared.inventory, observed))), observed
    if evidence and makes_encrypted(plan):
        found += tuple(one for one in encryption_findings(evidence) if one not in found)
    if changes_what_runs(plan):
        hosts = evidence.hosts if evidence else asked.hosts.result() if asked.hosts else {}
        found += tuple(one for one in host_findings(hosts, observed.cluster) if one not in found)
    return (*found, *untried_kernels(plan, of_members(declared.inventory, observed))), observed


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


def members(fleet: Fleet, inventory: Inventory) -> Fleet:
    """Return those of *fleet* that are, or shall be, nodes."""
    return {name: reached for name, reached in fleet.items() if reached.host not in inventory.leaving}


def look_at(
    declared: Declared,
    fleet: Fleet,
    *,
    kernel: KernelQuestion,
    infos: Mapping[str, Future[dict[str, Any]]] | None = None,
) -> Observed:
    """Observe what a plan for *declared* needs to know: volumes and ends of ingress only where it goes by them."""
    observed = observe(fleet, kernel=kernel, infos=infos)
    if declared.inventory.encrypt_ingress:
        observed = with_ingress(fleet, observed)
    return with_volumes(fleet, observed) if declared.data is not None else observed
