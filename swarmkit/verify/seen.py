"""The cluster as the proof saw it, for reports; pure."""

from __future__ import annotations

from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.observed.model import ClusterState, Node, Observed
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.proof import SeenHost, SeenNetwork, SeenPort, SeenTask
from swarmkit.verify.live import Live
from swarmkit.verify.verdicts import Judge


def seen_hosts(inventory: Inventory, observed: Observed, cluster: ClusterState, live: Live) -> tuple[SeenHost, ...]:
    """Return the inventory's hosts with the tasks that run there, then nodes that no host is."""
    nodes = {name: cluster.node(facts.engine.node_id) for name, facts in observed.hosts.items()}
    nodes |= {name: cluster.node(node_id) for node_id, name in silent_nodes(inventory, observed, cluster).items()}
    known = {node.id for node in nodes.values() if node}
    found = [_host(host.name, nodes.get(host.name), host.address, live) for host in inventory.hosts]
    found = [one if one.name in observed.hosts else _silent(one) for one in found]
    strangers = (node for node in cluster.nodes if node.id not in known)
    return (*found, *(_host(node.hostname, node, node.address, live) for node in strangers))


def _host(name: str, node: Node | None, address: str, live: Live) -> SeenHost:
    tasks = tuple(
        SeenTask(
            task.service,
            tuple(live.networks[network].name for network in task.addresses if network in live.networks),
        )
        for task in live.tasks_on(name)
    )
    if node is None:
        return SeenHost(name, address, "", "no node", tasks)
    return SeenHost(name, node.address, "leader" if node.is_leader else node.role, node.state, tasks)


def _silent(host: SeenHost) -> SeenHost:
    return replace(host, state=f"{host.state}, does not answer" if host.role else "does not answer")


def seen_networks(live: Live, judge: Judge) -> tuple[SeenNetwork, ...]:
    """Return the overlay networks with the verdict for each two hosts; ingress where a port is published by it."""
    encrypted = {network.id for network in live.encrypted}
    networks = [*live.networks.values(), *([live.ingress] if live.ingress and live.ingress_ports else [])]
    return tuple(
        SeenNetwork(
            network.name,
            network.encrypted,
            live.carriers(network.id),
            judge.verdicts(network) if network.id in encrypted else (),
        )
        for network in networks
    )


def seen_ports(live: Live) -> tuple[SeenPort, ...]:
    return tuple(
        SeenPort(service.name, port.published, port.protocol, port.mode)
        for service in live.services
        for port in service.ports
        if port.published
    )
