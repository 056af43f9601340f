"""Hosts of the inventory that do not answer, by what the managers know of them; pure."""

from __future__ import annotations

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import ClusterState, Observed


def silent_nodes(inventory: Inventory, observed: Observed, cluster: ClusterState) -> dict[str, str]:
    """Return node ID -> host for hosts that were not read: by the address or the name that the managers have."""
    known = {facts.engine.node_id for facts in observed.hosts.values()}
    strangers = [node for node in cluster.nodes if node.id not in known]
    return {
        node.id: host.name
        for host in inventory.hosts
        if host.name not in observed.hosts
        for node in strangers
        if node.address in (host.advertise_addr, host.address) or node.hostname == host.name
    }
