"""Hosts that come back wiped, or new under an old name, while the swarm still has their old nodes; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.advertised import advertise_address
from swarmkit.plan.nodes.operations import Demote


def old_nodes(host: Host, observed: Observed) -> list[Node]:
    """Return the nodes of the swarm that were *host*, and are not what any of the hosts is now.

    They have its host name; or they are down and had its address: a replaced machine may call itself otherwise.
    """
    facts = observed.hosts[host.name]
    address = advertise_address(host, facts)
    live = {each.engine.node_id for each in observed.hosts.values()}

    def was_host(node: Node) -> bool:
        if node.hostname == facts.system.hostname:
            return node.id != facts.engine.node_id
        return node.state == "down" and node.address == address and node.id not in live

    return [node for node in (observed.cluster.nodes if observed.cluster else ()) if was_host(node)]


def earlier_nodes(inventory: Inventory, observed: Observed) -> dict[str, str]:
    """Return the nodes that are down and were hosts which are another node by now, or none: by id, with their names."""
    live = {facts.engine.node_id for facts in observed.hosts.values()}
    read = [host for host in inventory.hosts if host.name in observed.hosts]
    old = [(node, host.name) for host in read for node in old_nodes(host, observed)]
    return {node.id: name for node, name in old if node.state == "down" and node.id not in live}


def vacate_seats(host: str, old: Iterable[Node], after: frozenset[str]) -> Iterator[Demote]:
    """Yield a demotion for each of the *old* entries of *host* that is a manager and down, before it joins again.

    While such an entry is a member of the raft, its address gets the messages meant for it: an engine that is there as
    another node and starts anew would be down for good (seen on 26.1). What is down lends the quorum nothing.
    """
    for node in old:
        if node.role == "manager" and node.state == "down":
            key = f"vacate:{node.id}"
            yield Demote(Step(key, "node", "update", host, f"demote its old node {node.id[:12]}", "it is down", after),
                         node.id)  # fmt: skip
            after |= {key}
