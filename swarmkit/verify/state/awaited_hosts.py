"""Hosts that would run what waits for a node, were they as declared: what V01 says of them helps; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node, Observed
from swarmkit.plan.nodes.plans import rejoining
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.verify import codes
from swarmkit.verify.live import Live, LiveService


def awaited_hosts(
    inventory: Inventory, observed: Observed, cluster: ClusterState, live: Live
) -> dict[str, tuple[str, ...]]:
    """Return by service which hosts would run its waiting tasks as declared, where no node that is ready may."""
    ready = [node for node in cluster.nodes if node.state == "ready"]
    wrong = list(_not_as_declared(inventory, observed, cluster))
    found = {
        service.name: tuple(host for host, declared in wrong if node_may_run(service.spec, declared))
        for service in live.services
        if _waits(service) and not any(node_may_run(service.spec, node) for node in ready)
    }
    return {name: hosts for name, hosts in found.items() if hosts}


def _waits(service: LiveService) -> bool:
    """Tell whether no node was found for any task of *service* that shall run and does not."""
    return bool(service.waiting) and all(task.state == "pending" and not task.node_id for task in service.waiting)


def with_awaited(finding: Finding, awaited: Mapping[str, tuple[str, ...]]) -> Finding:
    """Return *finding*; that a service lacks tasks, with what V01 says of the hosts that it waits for as its remedy."""
    hosts = awaited.get(finding.where, ())
    if finding.code != codes.REPLICAS or finding.severity != "error" or finding.follows_from or not hosts:
        return finding
    return replace(finding, remedy=f"it may run nowhere else: first do what {codes.NODE} says of {' or '.join(hosts)}")


def _not_as_declared(inventory: Inventory, observed: Observed, cluster: ClusterState) -> Iterator[tuple[str, Node]]:
    """Yield the hosts whose node differs from the declared one, or that left it behind, with the node as declared."""
    left = rejoining(inventory, observed)
    for host in inventory.hosts:
        facts = observed.hosts.get(host.name)
        node = cluster.node(facts.engine.node_id) if facts else None
        if node and (declared := _declared(host, node)) != node:
            yield host.name, declared
        yield from ((host.name, _declared(host, old)) for old in left.get(host.name, ())[:1])


def _declared(host: Host, node: Node) -> Node:
    labels = {**node.labels, **host.labels}
    return replace(node, role=host.role, availability=host.availability, labels=labels)
