"""Which hosts may run a service: the scheduler's constraints, read against the declared hosts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.service import Service
from swarmkit.observed.model import HostFacts, Node, Observed

_CONSTRAINT = re.compile(r"\s*([\w.\-/]+)\s*(==|!=)\s*(.*?)\s*")


def eligible_hosts(service: Service, hosts: Iterable[Host], observed: Observed) -> tuple[Host, ...]:
    """Return the *hosts* on which *service* may run once labels, roles and availability are as declared.

    Labels that were set by hand stay and count, but where the inventory declares the same ones.
    """
    return tuple(host for host in hosts if host_may_run(service.deploy.constraints, host, observed))


def host_may_run(constraints: Iterable[str], host: Host, observed: Observed) -> bool:
    """Tell whether *host* satisfies *constraints* once its labels, role and availability are as declared."""
    facts, labels = observed.hosts[host.name], _labels(host, observed)
    return host.availability == "active" and all(_holds(text, host, facts, labels) for text in constraints)


def _labels(host: Host, observed: Observed) -> Mapping[str, str]:
    cluster = observed.cluster
    node = cluster.node(observed.hosts[host.name].engine.node_id) if cluster else None
    return {**(node.labels if node else {}), **host.labels}


def lacking_room(service: Service, hosts: Iterable[Host], observed: Observed) -> str:
    """Return what *service* reserves for a task and none of *hosts* has, with the most that one has; else nothing."""
    wanted = service.deploy.reservations
    engines = [observed.hosts[host.name].engine for host in hosts]
    memory, most_memory = wanted.memory_bytes or 0, max(engine.memory_bytes for engine in engines)
    if memory > most_memory:
        return f"{memory / 2**20:.0f} MiB of memory; the most is {most_memory / 2**20:.0f} MiB"
    cpus, most_cpus = (wanted.nano_cpus or 0) / 10**9, max(engine.cpus for engine in engines)
    if cpus > most_cpus:
        return f"{cpus:g} CPUs; the most is {most_cpus}"
    return ""


def lacking_generic(service: Service, hosts: Iterable[Host], observed: Observed) -> str:
    """Return which generic resource *service* reserves more of for a task than any of *hosts* has; else nothing."""
    wanted, engines = service.deploy.reservations, [observed.hosts[host.name].engine for host in hosts]
    offered = {kind: max(engine.generic_resources.get(kind, 0) for engine in engines) for kind, _ in wanted.generic}
    lacking = [
        f"{count} {kind}; the most is {offered[kind]}" for kind, count in wanted.generic if count > offered[kind]
    ]
    return next(iter(lacking), "")


def wants_tasks(service: Service) -> bool:
    """Tell whether *service* is to run at all: one of 0 replicas waits for nothing."""
    return service.deploy.mode.startswith("global") or service.deploy.replicas > 0


def most_tasks(service: Service, hosts: Iterable[Host]) -> tuple[int, str] | None:
    """Return how many tasks of *service* the *hosts* can run at once, and why; None where neither port nor file limits.

    A port that is published in host mode is there once on a host.
    """
    count = len(tuple(hosts))
    port = next((port.published for port in service.ports if port.mode == "host" and port.published), None)
    if port is not None:
        return count, f"port {port} in host mode is there once on each"
    each = service.deploy.max_replicas_per_node
    return (count * each, f"max_replicas_per_node is {each}") if each else None


def node_may_run(spec: Mapping[str, Any], node: Node) -> bool:
    """Tell whether *node* as it is satisfies the constraints of a live service's *spec*."""
    known = {"node.role": node.role, "node.hostname": node.hostname, "node.id": node.id}

    def value(attribute: str) -> str | None:
        if attribute.startswith("node.labels."):
            return node.labels.get(attribute.removeprefix("node.labels."), "")
        return known.get(attribute)

    return node.availability == "active" and all(_satisfied(text, value) for text in constraints_of(spec))


def absent_host_matches(constraints: Iterable[str], host: Host, node: Node | None) -> bool:
    """Tell whether *host*, which shall be no node and is *node* still, if any, would satisfy *constraints* as one."""
    labels = {**(node.labels if node else {}), **host.labels}
    # The inventory tells no role of such a host.
    known = {"node.role": node.role if node else "", "node.hostname": node.hostname if node else host.name}

    def value(attribute: str) -> str | None:
        if attribute.startswith("node.labels."):
            return labels.get(attribute.removeprefix("node.labels."), "")
        return known.get(attribute)

    return host.availability == "active" and all(_satisfied(text, value) for text in constraints)


def constraints_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the constraints of a service's *spec*."""
    return tuple((spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or ())


def _holds(constraint: str, host: Host, facts: HostFacts, labels: Mapping[str, str]) -> bool:
    return _satisfied(constraint, lambda attribute: _value(attribute, host, facts, labels))


def _satisfied(constraint: str, read: Callable[[str], str | None]) -> bool:
    match = _CONSTRAINT.fullmatch(constraint)
    if match is None:
        return True
    attribute, operator, wanted = match.groups()
    value = read(attribute)
    # What only the engine knows (engine.labels) is left to the scheduler.
    return value is None or (value.lower() == wanted.lower()) == (operator == "==")


def _value(attribute: str, host: Host, facts: HostFacts, labels: Mapping[str, str]) -> str | None:
    if attribute.startswith("node.labels."):
        return labels.get(attribute.removeprefix("node.labels."), "")
    known = {
        "node.role": host.role,
        "node.hostname": facts.system.hostname,
        "node.id": facts.engine.node_id,
        "node.platform.os": facts.engine.operating_system,
        "node.platform.arch": facts.engine.architecture,
    }
    return known.get(attribute)
