"""What the operations of a plan would meet on the hosts: ranges, devices, addresses, ports and containers."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.doctor.taken_ports import TakenPorts
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.lan import answering, has_device
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Plan
from swarmkit.plan.networks.new_ranges import new_range_findings
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost

ADDRESSES_ASKED = 64
"""Of a host's range: the engine gives them from the first on."""
_TASK_LABEL = "com.docker.swarm.task.id"
_OF_ONE_PARENT = ("macvlan", "ipvlan")


def plan_findings(
    fleet: Fleet, plan: Plan, inventory: Inventory, stack: Stack | None, observed: Observed
) -> tuple[Finding, ...]:
    """Return why operations of *plan* would not do what they say; reads the hosts that they concern."""
    lans = [operation for operation in plan.operations if isinstance(operation, CreateHostNetwork)]
    left = {
        op.identity: op.step.target for op in plan.operations if isinstance(op, RemoveObject) and op.kind == "networks"
    }
    ports = TakenPorts(fleet, plan, stack, observed)
    places = ports.places(inventory)

    def look(host: str) -> list[Finding]:
        found: list[Finding] = []
        for operation in lans:
            if operation.host == host:
                found += _lan(fleet[host], operation.wish)
        if left:
            found += _strangers(fleet[host], left)
        if places.get(host):
            found += ports.found(host, places[host])
        return found

    found = list(new_range_findings(plan.operations, inventory, stack, observed))
    hosts = [host for host in fleet if left or places.get(host) or any(op.host == host for op in lans)]
    for answer in fan_out(hosts, look).values():
        if isinstance(answer, Exception):
            raise answer
        found += answer
    return (*found, *ports.refused(places, found))


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
