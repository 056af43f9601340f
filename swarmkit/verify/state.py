"""Proofs of state: nodes, replicas and updates are as declared; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.host import Host, Inventory
from swarmkit.declared.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node, Observed
from swarmkit.verify import codes
from swarmkit.verify.live import Live, LiveService

_STOPPED_UPDATES = ("paused", "rollback_started", "rollback_paused", "rollback_completed")


def prove_nodes(inventory: Inventory, cluster: ClusterState, observed: Observed) -> Iterator[Finding]:
    """Prove that each host is one ready node as declared; name the nodes that no host is."""
    node_ids = {name: facts.engine.node_id for name, facts in observed.hosts.items()}
    for host in inventory.hosts:
        node = cluster.node(node_ids.get(host.name, ""))
        twins = [name for name, node_id in node_ids.items() if node and node_id == node.id and name != host.name]
        yield _node(host, node, twins)
    known = set(node_ids.values())
    for node in cluster.nodes:
        if node.id not in known:
            yield Finding(
                codes.NODE,
                "warning",
                node.hostname,
                f"node {node.hostname} is {node.state} and is no host of the inventory",
                evidence=f"node {node.id}, {node.role}, {node.address}",
                remedy="add it to the inventory, or if it has left for good: swarmkit up --remove-nodes",
            )


def _node(host: Host, node: Node | None, twins: list[str]) -> Finding:
    if node is None:
        what = f"{host.name} is no node of the cluster"
        return Finding(codes.NODE, "error", host.name, what, remedy="join it: swarmkit up")
    wrong = _differences(host, node)
    if twins:
        wrong.append(f"{', '.join(twins)} shows the same node ID {node.id}: cloned machines")
    if wrong:
        return Finding(
            codes.NODE,
            "error",
            host.name,
            f"{host.name} is not the node that is declared: {'; '.join(wrong)}",
            evidence=f"node {node.id} ({node.hostname}), told by the manager",
            remedy="swarmkit up" if node.state == "ready" else f"on {host.name}: sudo systemctl restart docker",
        )
    return Finding(
        codes.NODE,
        "ok",
        host.name,
        f"{host.name} is a ready {node.role}, {node.availability}",
        evidence=f"node {node.id} ({node.hostname}) at {node.address}",
    )


def _differences(host: Host, node: Node) -> list[str]:
    wrong = [
        f"{what} is {actual}, declared is {declared}"
        for what, actual, declared in (
            ("state", node.state, "ready"),
            ("role", node.role, host.role),
            ("availability", node.availability, host.availability),
        )
        if actual != declared
    ]
    if node.role == "manager" and node.reachability != "reachable":
        wrong.append(f"as a manager it is {node.reachability or 'of unknown reachability'}")
    for key, value in host.labels.items():
        if node.labels.get(key) != value:
            wrong.append(f"label {key} is {node.labels.get(key, 'not there')}, declared is {value}")
    return wrong


def prove_services(live: Live, stack: Stack | None) -> Iterator[Finding]:
    """Prove that every service of *stack*, or of the cluster, runs as often as declared and its update went through."""
    found = {service.name: service for service in live.services}
    declared = {f"{stack.name}_{service.name}": service for service in stack.services} if stack else {}
    for name in declared.keys() - found.keys():
        yield Finding(codes.REPLICAS, "error", name, f"service {name} is not there", remedy="make it: swarmkit up")
    for name, service in found.items():
        if stack and name not in declared:
            what = f"service {name} is in the cluster and not in the stack file"
            yield Finding(codes.REPLICAS, "warning", name, what, remedy=f"docker service rm {name}")
        wanted = declared[name].deploy.replicas if name in declared and _is_replicated(service) else _replicas(service)
        yield _replicas_finding(service, wanted)
        yield from _update(service)


def _is_replicated(service: LiveService) -> bool:
    return "Replicated" in (service.spec.get("Mode") or {})


def _replicas(service: LiveService) -> int:
    """Return how many tasks shall run: what the spec says, or for a global service what the orchestrator made."""
    mode = service.spec.get("Mode") or {}
    if "Replicated" in mode:
        return int(mode["Replicated"].get("Replicas") or 0)
    if "ReplicatedJob" in mode or "GlobalJob" in mode:
        return len(service.tasks)
    return max(1, len(service.tasks) + len(service.waiting))


def _replicas_finding(service: LiveService, wanted: int) -> Finding:
    current = [task for task in service.tasks if task.is_current]
    outdated = len(service.tasks) - len(current)
    where = f"running on {', '.join(sorted(task.host for task in service.tasks))}" if service.tasks else "none runs"
    if len(current) == wanted and not outdated:
        what = f"{wanted} of {wanted} tasks, {where}" if wanted else "no task is declared, none runs"
        return Finding(codes.REPLICAS, "ok", service.name, f"service {service.name}: {what}")
    why = [f"{task.state}: {task.error or task.message}" for task in service.waiting]
    if service.last_error and not service.tasks:
        why.append(f"the last one that failed: {service.last_error}")
    if outdated:
        why.append(f"{outdated} still run an older spec")
    return Finding(
        codes.REPLICAS,
        "error",
        service.name,
        f"service {service.name}: {len(current)} of {wanted} tasks run",
        evidence="; ".join(why) or where,
        remedy=f"docker service ps --no-trunc {service.name}",
    )


def _update(service: LiveService) -> Iterator[Finding]:
    if service.update_state in _STOPPED_UPDATES:
        yield Finding(
            codes.UPDATE,
            "error",
            service.name,
            f"the last update of {service.name} did not go through: {service.update_state}",
            evidence=service.update_message,
            remedy=f"docker service ps --no-trunc {service.name}, then swarmkit up",
        )
