"""Nodes that run tasks and are no host of the inventory: nobody looks at them or asks from there; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding, Severity
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.nodes.absent import absent_nodes
from swarmkit.verify import codes
from swarmkit.verify.live import Live


def prove_outsiders(inventory: Inventory, observed: Observed, cluster: ClusterState, live: Live) -> Iterator[Finding]:
    """Yield V14 for each node with tasks that no login is known of: what others find on ways to it proves one end.

    An error where one of those tasks is on a network: who reaches whom, and how, is claimed of both ends.
    """
    known = {host.name for host in inventory.hosts}
    absent = absent_nodes(inventory, observed)
    names, networked = dict[str, list[str]](), set[str]()
    for service in live.services:
        for task in service.tasks:
            if task.host not in known and service.name not in names.setdefault(task.host, []):
                names[task.host].append(service.name)
            if task.addresses:
                networked.add(task.host)
    for host, services in sorted(names.items()):
        those = [node for node in cluster.nodes if node.hostname == host]
        nodes = ", ".join(f"node {node.id} at {node.address}" for node in those)
        what = f"nothing is proved on {host}, which runs tasks and is no host of the inventory"
        remedy = "add it to the inventory, or if it has left for good: swarmkit up --remove-nodes"
        if {node.id for node in those} & absent.keys():
            what = f"nothing is proved on {host}, which runs tasks and which the inventory has absent"
            remedy = "swarmkit up"
        severity: Severity = "error" if host in networked else "warning"
        yield Finding(codes.HOST, severity, host, what, f"{nodes} runs {', '.join(services)}", remedy)
