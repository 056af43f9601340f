"""Nodes that run tasks and are no host of the inventory: nobody looks at them or asks from there; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState
from swarmkit.verify import codes
from swarmkit.verify.live import Live


def prove_outsiders(inventory: Inventory, cluster: ClusterState, live: Live) -> Iterator[Finding]:
    """Yield V14 for each node with tasks that no login is known of: what others find on ways to it proves one end."""
    known = {host.name for host in inventory.hosts}
    names: dict[str, list[str]] = {}
    for service in live.services:
        for task in service.tasks:
            if task.host not in known and service.name not in names.setdefault(task.host, []):
                names[task.host].append(service.name)
    for host, services in sorted(names.items()):
        what = f"nothing is proved on {host}, which runs tasks and is no host of the inventory"
        nodes = ", ".join(f"node {node.id} at {node.address}" for node in cluster.nodes if node.hostname == host)
        remedy = "add it to the inventory, or if it has left for good: swarmkit up --remove-nodes"
        yield Finding(codes.HOST, "error", host, what, f"{nodes} runs {', '.join(services)}", remedy)
