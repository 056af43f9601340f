"""Ports in host mode that several services of a stack want: one is there once on a host; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.stacks.placement import eligible_hosts, wants_tasks


def host_port_warnings(stack: Stack, inventory: Inventory, observed: Observed) -> Iterator[Finding]:
    """Yield B37 for each two services that want one port in host mode and may run on one host."""
    wanting: dict[str, list[Service]] = defaultdict(list)
    for service in filter(wants_tasks, stack.services):
        for port in {
            f"{one.published}/{one.protocol}" for one in service.ports if one.mode == "host" and one.published
        }:
            wanting[port].append(service)
    for port, services in wanting.items():
        places = {one.name: {host.name for host in eligible_hosts(one, inventory.hosts, observed)} for one in services}
        for first, second in combinations(services, 2):
            hosts, shared = places[first.name] | places[second.name], places[first.name] & places[second.name]
            if shared:
                tasks = sum(_tasks(one, places[one.name]) for one in (first, second))
                yield _finding(port, (first, second), sorted(shared), tasks, sorted(hosts))


def _tasks(service: Service, places: set[str]) -> int:
    return len(places) if service.deploy.mode.startswith("global") else service.deploy.replicas


def _finding(port: str, both: tuple[Service, Service], shared: list[str], tasks: int, hosts: list[str]) -> Finding:
    names = " and ".join(one.name for one in both)
    what = f"{names} want port {port} in host mode, and may both come to {', '.join(shared)}"
    seen = "who comes second waits for another node, for ever where none is left"
    if tasks > len(hosts):
        seen = f"they are {tasks} tasks, and {', '.join(hosts)} can run {len(hosts)}: the others would wait for ever"
    remedy = "keep them apart by deploy.placement.constraints, or choose another published port"
    return Finding("B37", "warning", both[1].name, what, f"{seen} ({both[1].place})", remedy)
