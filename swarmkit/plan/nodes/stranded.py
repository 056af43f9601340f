"""Services that could run nowhere without the nodes that leave, once all else of the run is done; pure.

Nodes leave after everything else: by then services, labels and availabilities are as declared, and who joins is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Node, Observed, ServiceState
from swarmkit.plan.model import Operation
from swarmkit.plan.nodes.departures import is_replicated, running_on
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.plan.stacks.placement import constraints_of, host_may_run, node_may_run


def with_services_to_come(
    observed: Observed, operations: Iterable[Operation], specs: Mapping[str, Mapping[str, Any]]
) -> Observed:
    """Return *observed* with its services as they are after *operations*; *specs* are a stack file's, by full name."""
    cluster = observed.cluster
    if cluster is None:
        return observed
    gone = {op.identity for op in operations if isinstance(op, RemoveObject) and op.kind == "services"}
    staying = [service for service in cluster.services if service.id not in gone]
    to_come = tuple(replace(service, spec=specs.get(service.name, service.spec)) for service in staying)
    return replace(observed, cluster=replace(cluster, services=to_come))


def stranded_refusals(
    inventory: Inventory, observed: Observed, leaving: tuple[Node, ...], absent: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield each service of one of the *leaving* nodes that could run nowhere then.

    *absent* are the hosts that the inventory has absent, by node id.
    """
    gone = {node.id for node in leaving}
    for node in leaving:
        services = running_on(observed.cluster, node) if node.state != "down" else []
        for service in filter(is_replicated, services):
            if not _may_run_elsewhere(service, inventory, observed, gone):
                yield _stranded(node, service, absent.get(node.id, ""))


def _may_run_elsewhere(service: ServiceState, inventory: Inventory, observed: Observed, gone: set[str]) -> bool:
    """Tell whether a declared host, or a node of no host that stays, may run *service*."""
    engines = {host.name: observed.hosts[host.name].engine for host in inventory.hosts}
    nodes = observed.cluster.nodes if observed.cluster else ()
    ready = {node.id: node for node in nodes if node.id not in gone and node.state == "ready"}
    hosts = [
        host
        for host in inventory.hosts
        if engines[host.name].node_id in ready or engines[host.name].swarm_state == "inactive"
    ]
    others = ready.keys() - {engine.node_id for engine in engines.values()}
    constraints = constraints_of(service.spec)
    return any(host_may_run(constraints, host, observed) for host in hosts) or any(
        node_may_run(service.spec, ready[node_id]) for node_id in others
    )


def _stranded(node: Node, service: ServiceState, host: str) -> Finding:
    why = f"the inventory has its host {host} absent, and " if host else ""
    return Finding(
        "B35", "error", node.hostname, f"service {service.name} runs on it and may run nowhere else",
        f"{why}no node that stays matches its constraints: {', '.join(constraints_of(service.spec)) or 'none'}",
        "give another host the labels it asks for (swarm_labels), or change deploy.placement.constraints in the file "
        "of -f: up does both before a node leaves",
    )  # fmt: skip
