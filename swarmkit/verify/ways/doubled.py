"""The common cause of many findings: an address of a node that another host has too; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.nodes.doubled_addresses import Doubled, doubled_addresses
from swarmkit.verify.encryption.wire import data_address


def doubled_nodes(inventory: Inventory, observed: Observed, cluster: ClusterState) -> Iterator[Doubled]:
    """Yield the addresses by which the swarm or overlays reach a host, and that another one has."""
    reached_by: dict[str, tuple[str, ...]] = {}
    for host in inventory.hosts:
        facts = observed.hosts.get(host.name)
        node = cluster.node(facts.engine.node_id) if facts else None
        if node:
            reached_by[host.name] = (node.address, data_address(host.name, inventory, observed))
    yield from doubled_addresses(reached_by, observed.hosts)
