"""A service whose constraints match no active host, with what the hosts are and who would match if it stayed; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Service
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.plan.stacks.placement import absent_host_matches


def unplaceable(service: Service, inventory: Inventory, observed: Observed) -> Finding:
    """Return B35 of *service*, which may run on none of the hosts as they are declared."""
    labels = sorted({f"{key}={value}" for host in inventory.hosts for key, value in host.labels.items()})
    known = f"the hosts' labels are: {', '.join(labels) or 'none'}"
    if any(text.lstrip().startswith("node.hostname") for text in service.deploy.constraints):
        names = [observed.hosts[host.name].system.hostname for host in inventory.hosts]
        known = f"the hosts' names are: {', '.join(names)}; their labels: {', '.join(labels) or 'none'}"
    remedy = "correct deploy.placement.constraints, or swarm_labels in the inventory"
    if absent := ", ".join(host.name for host in _matching_absent(service, inventory, observed)):
        known = f"{absent} would match, but the inventory has it absent; {known}"
        remedy += f"; or keep {absent}: without swarm_state: absent"
    what = f"its constraints match no active host: {', '.join(service.deploy.constraints)}"
    return Finding("B35", "error", service.name, what, f"{known} ({service.place})", remedy)


def _matching_absent(service: Service, inventory: Inventory, observed: Observed) -> Iterator[Host]:
    """Yield the absent hosts that *service* could run on, by what is declared of them and by the nodes they are."""
    cluster = observed.cluster
    leaving = replace(inventory, hosts=inventory.leaving)
    named = silent_nodes(leaving, observed, cluster) if cluster else {}
    nodes = {named[node.id]: node for node in (cluster.nodes if cluster else ()) if node.id in named}
    for host in inventory.leaving:
        if absent_host_matches(service.deploy.constraints, host, nodes.get(host.name)):
            yield host
