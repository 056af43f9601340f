"""Running plans on fake hosts, and comparing what came of them."""

from __future__ import annotations

import copy
import functools
from typing import Any

from fakes.swarm import FakeFleet
from swarmkit.converge.service_look import Until, look_at
from swarmkit.errors import NotConvergedError
from swarmkit.observed.ingress import with_ingress
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.volumes import with_volumes
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.joins import first_manager
from swarmkit.plan.planner import make_plan
from swarmkit.plan.progress import Progress, Silent
from swarmkit.reach.retry import wait_until


def plan_on(fleet: FakeFleet, declared: Declared) -> Plan:
    """Observe the fake hosts and plan."""
    return make_plan(declared, _observed(fleet, declared))


def _observed(fleet: FakeFleet, declared: Declared) -> Observed:
    observed = observe(fleet, kernel="always")
    if declared.inventory.encrypt_ingress:
        observed = with_ingress(fleet, observed)
    return with_volumes(fleet, observed) if declared.data is not None else observed


def run_once(fleet: FakeFleet, declared: Declared, progress: Progress | None = None) -> tuple[Plan, Applied]:
    """Observe, plan and apply once."""
    observed = _observed(fleet, declared)
    plan = make_plan(declared, observed)
    assert plan.refusals == (), plan.refusals
    context = Context(fleet, progress or Silent(), first_manager(declared.inventory, observed))

    def await_service(name: str, key: str, until: Until = "converged") -> str:
        del key
        look = wait_until(
            lambda: look_at(context.manager, name),
            lambda look: look.has_come_to(until) or context.cancelled.is_set(),
            timeout_seconds=5,
            interval_seconds=0.002,
        )
        if not look.has_come_to(until):
            raise NotConvergedError(f"{name} does not run")
        return ""

    context.await_service = await_service
    context.await_started = functools.partial(await_service, until="started")
    if isinstance(progress, StopsAfter):
        progress.context = context
    return plan, apply(plan, context)


class StopsAfter(Silent):
    """Cancels the run when *count* operations have ended."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.context: Context | None = None

    def started(self, key: str, target: str, text: str) -> None:
        del key, target, text

    def ended(self, key: str, *, ok: bool, note: str = "") -> None:
        del key, ok, note
        self.left -= 1
        if self.left <= 0 and self.context:
            self.context.cancelled.set()


def state_of(fleet: FakeFleet) -> dict[str, Any]:
    """Return what the hosts have and the swarm is, without ids, versions and what depends on the order of writes."""
    cluster = fleet.cluster
    names = {key: str(item["Name"]) for key, item in cluster.objects["networks"].items()}
    return {
        "swarm": (cluster.spec, cluster.pools),
        "nodes": {node["Description"]["Hostname"]: node["Spec"] for node in cluster.nodes.values()},
        "networks": {
            names[key]: {
                what: item[what] for what in ("Driver", "Labels", "Attachable", "Internal")
            } | {"encrypted": "encrypted" in item["Options"]}
            for key, item in cluster.objects["networks"].items()
        },
        "secrets": {item["Spec"]["Name"]: item["Spec"]["Labels"] for item in cluster.objects["secrets"].values()},
        "services": {
            item["Spec"]["Name"]: (_without_ids(item["Spec"], names), len(cluster.live_tasks(item)))
            for item in cluster.objects["services"].values()
        },
        "images": {engine.host: sorted(engine.images) for engine in fleet.engines},
        "on ingress": {engine.host: engine.node_id in cluster.ingress_ends for engine in fleet.engines},
    }  # fmt: skip


def _without_ids(spec: dict[str, Any], networks: dict[str, str]) -> dict[str, Any]:
    bare = copy.deepcopy(spec)
    for network in bare["TaskTemplate"].get("Networks") or ():
        network["Target"] = networks[network["Target"]]
    for one in bare["TaskTemplate"]["ContainerSpec"].get("Secrets") or ():
        del one["SecretID"]
    return bare
