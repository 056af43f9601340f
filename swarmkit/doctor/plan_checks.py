"""What the operations of a plan would meet on the hosts: ranges, devices, addresses, ports and containers."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.doctor.new_ports import new_ports, port_word
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.lan import answering, has_device
from swarmkit.observed.listeners import read_listeners
from swarmkit.observed.model import Observed, ServiceState
from swarmkit.plan.model import Plan
from swarmkit.plan.networks.new_ranges import new_range_findings
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.names import has_image
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.plan.stacks.placement import eligible_hosts
from swarmkit.reach.engine import Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost

ADDRESSES_ASKED = 64
"""Of a host's range: the engine gives them from the first on."""
_TASK_LABEL = "com.docker.swarm.task.id"
_ONTO_HOST = "TaskTemplate.Networks.host.Target"
_OF_ONE_PARENT = ("macvlan", "ipvlan")


def plan_findings(
    fleet: Fleet, plan: Plan, inventory: Inventory, stack: Stack | None, observed: Observed
) -> tuple[Finding, ...]:
    """Return why operations of *plan* would not do what they say; reads the hosts that they concern."""
    lans = [operation for operation in plan.operations if isinstance(operation, CreateHostNetwork)]
    left = {
        op.identity: op.step.target for op in plan.operations if isinstance(op, RemoveObject) and op.kind == "networks"
    }
    services = list(_changed(plan, stack, observed))
    places = _places(services, stack, inventory, observed)

    def look(host: str) -> list[Finding]:
        found: list[Finding] = []
        for operation in lans:
            if operation.host == host:
                found += _lan(fleet[host], operation.wish)
        if left:
            found += _strangers(fleet[host], left)
        if places.get(host):
            found += _ports(fleet[host], places[host], stack, observed)
        return found

    found = list(new_range_findings(plan.operations, inventory, stack, observed))
    hosts = [host for host in fleet if left or places.get(host) or any(op.host == host for op in lans)]
    for answer in fan_out(hosts, look).values():
        if isinstance(answer, Exception):
            raise answer
        found += answer
    return tuple(found)


def _lan(reached: ReachedHost, wish: NetworkWish) -> Iterator[Finding]:
    host, parent = reached.host.name, wish.parent
    if not parent:
        return
    if not has_device(reached.shell, parent):
        what = f"there is no device {parent} to be the parent of {wish.name}"
        seen = f"/sys/class/net has no {parent.partition('.')[0]}"
        yield Finding("D12", "error", host, what, seen, f"name another for {host}; see them by: ip -br link")
        return
    for network in reached.engine.find("networks"):
        # One of the swarm shows its parent in the host's config-only network alone.
        is_over = network.get("ConfigOnly") or network["Driver"] in _OF_ONE_PARENT
        if is_over and (network.get("Options") or {}).get("parent") == parent:
            what = f"device {parent} is the parent of network {network['Name']} already: it carries one network"
            seen = f"docker network inspect {network['Name']}: parent {parent}"
            remedy = f"remove that one, or give {wish.name} a VLAN of the device: {parent}.50"
            yield Finding("D12", "error", host, what, seen, remedy)
    if "." not in parent:
        try:
            answers = answering(reached.shell, parent, _addresses(wish))
        except SwarmkitError as error:
            yield Finding("D12", "warning", host, error.what, error.why, error.to_do)
        else:
            for address, mac in answers.items():
                given = next(text for text in wish.ip_ranges if ":" not in text and text)
                what = f"the address {address} of {given} for {wish.name} is in use"
                yield Finding("D12", "error", host, what, f"{mac} answers to ARP for it", "choose a range nobody uses")


def _addresses(wish: NetworkWish) -> list[str]:
    ranges = [ipaddress.ip_network(text) for text in wish.ip_ranges if text]
    asked = (str(address) for one in ranges if one.version == 4 for address in itertools.islice(one, ADDRESSES_ASKED))
    left_out = {*wish.gateways, *(address for aux in wish.aux_addresses for address in aux.values())}
    return [address for address in asked if address not in left_out]


def _strangers(reached: ReachedHost, networks: dict[str, str]) -> Iterator[Finding]:
    """Yield the containers that are no tasks and are on a network that is to go."""
    for identity, name in networks.items():
        for container in reached.engine.find("containers", {"network": [identity]}):
            if _TASK_LABEL not in (container.get("Labels") or {}):
                who = str((container.get("Names") or [container["Id"]])[0]).removeprefix("/")
                what = f"network {name} cannot be removed: the container {who} is on it"
                remedy = f"swarmkit network disconnect {name} {who} --on {reached.host.name}"
                seen = f"{container.get('Image', 'a container')}, no label {_TASK_LABEL}"
                yield Finding("B45", "error", reached.host.name, what, seen, remedy)


def _changed(plan: Plan, stack: Stack | None, observed: Observed) -> Iterator[Service]:
    """Yield the services that are made, and of those that are updated what they take in addition."""
    steps = [op.step for op in plan.operations if op.step.subject == "service"]
    made, updated = ({step.target for step in steps if step.verb == verb} for verb in ("create", "update"))
    moved = {step.target for step in steps for change in step.changes if change.path == _ONTO_HOST and not change.old}
    for service in stack.services if stack else ():
        name = f"{stack.name}_{service.name}" if stack else ""
        if name in made:
            yield service
        elif name in updated and stack:
            more = new_ports(service, stack, observed.cluster)
            networks = service.networks if name in moved else ()
            if more or networks:
                yield replace(service, ports=more, networks=networks)


def _places(
    services: list[Service], stack: Stack | None, inventory: Inventory, observed: Observed
) -> dict[str, list[Service]]:
    """Return host -> services that take ports of it: where they may run, and every host for those of the mesh."""
    found: dict[str, list[Service]] = {}
    for service in services:
        everywhere = any(port.mode == "ingress" and port.published for port in service.ports)
        if everywhere or _on_host(service, stack) or any(port.mode == "host" for port in service.ports):
            may_run = eligible_hosts(service, inventory.hosts, observed)
            for host in inventory.hosts if everywhere else may_run:
                mesh = tuple(port for port in service.ports if port.mode == "ingress")
                here = service if host in may_run else replace(service, ports=mesh, networks=())
                found.setdefault(host.name, []).append(here)
    return found


def _on_host(service: Service, stack: Stack | None) -> bool:
    hosts_own = (
        {network.key for network in stack.networks if network.external and network.name == "host"} if stack else {}
    )
    return any(network.name in hosts_own for network in service.networks)


def _ports(reached: ReachedHost, services: list[Service], stack: Stack | None, observed: Observed) -> Iterator[Finding]:
    host = reached.host.name
    taken = read_listeners(reached.shell) | _published(reached.engine.find("containers"))
    for service in services:
        on_host = _on_host(service, stack)
        why = "something listens on it there, and the file publishes it"
        wanted = {port_word(port): why for port in service.ports if port.published}
        if on_host and has_image(reached.host, service.image, observed):
            config = reached.engine.inspect("images", service.image).get("Config") or {}
            why = f"{service.image} says that it listens on it, and has the host's own ports"
            wanted |= dict.fromkeys(config.get("ExposedPorts") or {}, why)
        for port in sorted(wanted.keys() & taken):
            what = f"port {port} of {service.name} is taken on {host}"
            if owner := _publisher(port, stack, observed):
                remedy = f"choose another port; or, where this file is the stack {owner.stack}: --stack {owner.stack}"
                yield Finding("H80", "error", host, what, f"the service {owner.name} publishes it", remedy)
                continue
            remedy = f"choose another port, or other hosts; see who has it on {host}: ss -lntup"
            yield Finding("H80", "error", host, what, wanted[port], remedy)


def _publisher(port: str, stack: Stack | None, observed: Observed) -> ServiceState | None:
    """Return the live service of another stack that publishes *port* by the routing mesh."""
    own = stack.name if stack else ""
    others = (one for one in (observed.cluster.services if observed.cluster else ()) if one.stack not in ("", own))
    return next((one for one in others if one.published.get(port) == "ingress"), None)


def _published(containers: list[Json]) -> frozenset[str]:
    ports = [port for container in containers for port in container.get("Ports") or []]
    return frozenset(f"{port['PublicPort']}/{port['Type']}" for port in ports if port.get("PublicPort"))
