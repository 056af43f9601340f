"""Nodes of hosts that the inventory has absent, whether they are in the swarm, have left it or do not answer; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Node, Observed
from swarmkit.observed.removed_nodes import was_removed
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.leaving import LeaveSwarm
from swarmkit.plan.nodes.returning import old_nodes
from swarmkit.plan.nodes.silent_hosts import silent_nodes


def absent_nodes(inventory: Inventory, observed: Observed) -> dict[str, str]:
    """Return the nodes that are, or were, hosts which the inventory has absent: by node id, with the hosts' names."""
    cluster = observed.cluster
    if cluster is None:
        return {}
    asked = [host for host in inventory.leaving if host.name in observed.hosts]
    live = {facts.engine.node_id for facts in observed.hosts.values()}
    # Of a host that has left, was wiped or is switched off no engine tells the node that it was.
    were = silent_nodes(replace(inventory, hosts=inventory.leaving), observed, cluster)
    were |= {node.id: host.name for host in asked for node in old_nodes(host, observed) if node.id not in live}
    are = {observed.hosts[host.name].engine.node_id: host.name for host in asked}
    return {node.id: name for node in cluster.nodes if (name := are.get(node.id) or were.get(node.id))}


def leaving_nodes(inventory: Inventory, observed: Observed) -> frozenset[str]:
    """Return those of the absent hosts' nodes that go: their hosts can be told to leave, or they are down."""
    absent = absent_nodes(inventory, observed)
    live = {facts.engine.node_id for facts in observed.hosts.values()}
    nodes = observed.cluster.nodes if observed.cluster else ()
    return frozenset(node.id for node in nodes if node.id in absent and (node.state == "down" or node.id in live))


def staying(node: Node, host: str, observed: Observed) -> Finding:
    """Return H52 of a *node* of an absent *host* that can neither be told to leave nor be taken for gone."""
    why = "the host is another node, or none, by now" if host in observed.hosts else "the host does not answer"
    return Finding(
        "H52", "warning", node.hostname, f"node {node.id[:12]} stays, though the inventory has its host {host} absent",
        f"it is {node.state}, and {why}",
        "run again once the node is down or the host answers; where it is gone for good, with --remove-nodes",
    )  # fmt: skip


def late_leaves(inventory: Inventory, observed: Observed) -> Iterator[LeaveSwarm]:
    """Yield a leave for each absent host that was off when its node was removed, and is back: it asks for its place.

    That its swarm is this one its managers tell; what works in another swarm, or waits for it, is left alone.
    """
    for host in inventory.leaving:
        if host.name in observed.hosts and was_removed(observed.hosts[host.name].engine, observed.cluster):
            reason = "it was off when its node was removed, and the inventory has it absent"
            step = Step(f"leave:{host.name}", "node", "remove", host.name, "leave the swarm", reason, destructive=True)
            yield LeaveSwarm(step, host.name)
