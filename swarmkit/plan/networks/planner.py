"""Plans of `swarmkit network`: what is to be made or removed on which host, or why it may not be; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from swarmkit.finding import Finding
from swarmkit.observed.networks import PREDEFINED, HostNetwork
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.networks.ingress import take_up
from swarmkit.plan.networks.operations import CreateHostNetwork, RemoveHostNetwork
from swarmkit.plan.networks.refusals import (
    gateway_refusals,
    ingress_refusals,
    ipam_refusals,
    number_refusals,
)
from swarmkit.plan.networks.wish import NetworkWish


def plan_create(
    wish: NetworkWish,
    hosts: Sequence[str],
    seen: Iterable[HostNetwork],
    missing_parents: Mapping[str, str],
    lacking_ipam: Collection[str] = (),
    own: Mapping[str, NetworkWish] | None = None,
    nodes: Sequence[str] = (),
) -> Plan:
    """Return what makes *wish* on each of *hosts* (an overlay's is one manager); *missing_parents*: host -> device.

    *lacking_ipam*: hosts that would carry it and have no such driver of addresses. *own*: what a host makes instead of
    *wish*. *nodes*: the hosts that are ready nodes, and take an ingress network up. An existing network that differs is
    a refusal: Docker cannot change one, and would say nothing of it.
    """
    if wish.name in PREDEFINED and not (wish.ingress and wish.name == "ingress"):
        return _refused(wish.name, f"{wish.name} is a network that the engine makes itself", "", "choose another name")
    seen = tuple(seen)
    live = {network.host: network for network in seen if network.name == wish.name}
    refusals: list[Finding] = []
    others = {network.name: network.options for network in seen if network.name != wish.name}
    refusals += number_refusals(wish.name, wish.options, others)
    operations: list[Operation] = []
    for host in hosts:
        existing, here = live.get(host), (own or {}).get(host, wish)
        if existing is None:
            refusals += gateway_refusals(here, host, seen)
            refusals += ipam_refusals(wish, lacking_ipam if wish.is_of_swarm else {host}.intersection(lacking_ipam))
            refusals += ingress_refusals(wish, seen)
            if host in missing_parents:
                what = f"there is no device {missing_parents[host]} to be the parent"
                refusals.append(Finding("D12", "error", host, what, "", "name one with --parent; see: ip -br link"))
            operations.append(_creation(here, host))
        elif changes := here.differences(existing.raw):
            said = "; ".join(f"{change.path} is {change.old}, not {change.new}" for change in changes)
            remedy = f"swarmkit network rm {wish.name}, then create it again; or choose another name"
            what = f"network {wish.name} exists with other settings"
            refusals.append(Finding("D14", "error", host, what, said, remedy))
    if refusals:
        return Plan((), tuple(refusals))
    if wish.ingress and operations:
        operations.append(take_up(hosts[0], nodes, frozenset(operation.step.key for operation in operations)))
    return Plan(tuple(operations))


def _creation(wish: NetworkWish, host: str) -> CreateHostNetwork:
    given = tuple(f"addresses of {one}" for one in wish.ip_ranges if one)
    reason = f"not there yet; {wish.driver}{_named(wish.subnets)}{_named(given)}{_named((wish.parent,))}"
    step = Step(f"network:{host}", "network", "create", host, f"create network {wish.name}", reason)
    return CreateHostNetwork(step, host, wish)


def plan_remove(
    name: str, hosts: Sequence[str], seen: Iterable[HostNetwork], users: Mapping[str, Sequence[str]]
) -> Plan:
    """Return what removes *name* from each of *hosts* that has it; *users*: host -> who is on it there."""
    if name in PREDEFINED:
        return _refused(name, f"{name} is a network that the engine makes itself", "", "it cannot be removed")
    live = [network for network in seen if network.name == name and network.host in hosts]
    if not live:
        return _refused(name, f"no host has a network {name}", f"asked: {', '.join(hosts)}", "see: swarmkit network ls")
    refusals = [
        Finding("D14", "error", host, f"network {name} is in use", ", ".join(who), "remove or disconnect them first")
        for host, who in users.items()
        if who
    ]
    if refusals:
        return Plan((), tuple(refusals))
    chosen = {network.id: network for network in live}
    return Plan(
        tuple(
            RemoveHostNetwork(
                Step(removal_key(network), "network", "remove", network.host, f"remove network {name}"),
                network.host,
                network.id,
            )
            for network in chosen.values()
        )
    )


def removal_key(network: HostNetwork) -> str:
    """Return the key of *network*'s removal; a manager can have one of its own by the name of the swarm's."""
    return f"network:{network.name}" if network.scope == "swarm" else f"network:{network.name}@{network.host}"


def in_turn(plans: Iterable[Plan]) -> Plan:
    """Return *plans* as one, each after those before it; with a refusal of any, nothing but all refusals."""
    operations: list[Operation] = []
    refusals: list[Finding] = []
    for plan in plans:
        before = frozenset(operation.step.key for operation in operations)
        for operation in plan.operations:
            step = replace(operation.step, after=operation.step.after | before)
            operations.append(cast("Operation", replace(cast("Any", operation), step=step)))
        refusals += plan.refusals
    return Plan((), tuple(refusals)) if refusals else Plan(tuple(operations))


def _named(words: Sequence[str]) -> str:
    return "".join(f", {word}" for word in words if word)


def _refused(target: str, what: str, evidence: str, remedy: str) -> Plan:
    return Plan((), (Finding("D14", "error", target, what, evidence, remedy),))
