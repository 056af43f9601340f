"""`network prune`: look at what uses each network, plan, ask, remove one by one, each read back."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.observed.model import Observed, network_targets
from swarmkit.observed.network_filters import NetworkFilter
from swarmkit.observed.networks import HostNetwork, read_networks
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.networks.prune import plan_prune, unused
from swarmkit.reach.engine import Engine
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.network_run import NetworkRun, plan_and_apply_alone, reached

_ENDED = ("complete", "shutdown", "remove")


def prune(run: NetworkRun, on: Sequence[str], wanted: NetworkFilter) -> Applied | None:
    """Remove the networks that nothing uses and that pass *wanted*; None when there are none, or nobody agreed.

    Those of the hosts *on* alone; without any, of all hosts and of the swarm. The engine's own prune is not asked: it
    says only afterwards what it has removed.
    """
    with reached(run, on) as (fleet, hosts):

        def plan(observed: Observed) -> Plan:
            seen = read_networks(fleet)
            manager = observed.cluster.told_by if observed.cluster and not on else None
            used = _used_by_swarm(fleet[manager].engine, observed) if manager else set()
            chosen = [network for network in unused(seen, hosts, manager, used) if wanted.passes(network)]
            return plan_prune(network for network in chosen if not _has_endpoints(fleet, network))

        return plan_and_apply_alone(run, fleet, "network prune", plan, empty_after=False)


def _used_by_swarm(engine: Engine, observed: Observed) -> set[str]:
    """Return the IDs of the networks of services and of tasks: a container of any node on an overlay is one."""
    services = observed.cluster.services if observed.cluster else ()
    tasks = [task for task in engine.find("tasks") if task.get("DesiredState") not in _ENDED]
    attached = [(one.get("Network") or {}).get("ID") for task in tasks for one in task.get("NetworksAttachments") or ()]
    return {*(target for service in services for target in network_targets(service.spec)), *map(str, attached)}


def _has_endpoints(fleet: Fleet, network: HostNetwork) -> bool:
    """Tell of a container that is gone and has left its endpoint: the engine would not remove its network."""
    if network.scope == "swarm":
        return False
    return bool(fleet[network.host].engine.inspect("networks", network.id).get("Containers"))
