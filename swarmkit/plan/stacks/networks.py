"""The networks of one stack: made, compared, and, where asked for, made anew under services that go on; pure.

A network cannot be changed or renamed. One that takes another's place is made beside it as ``NAME-2`` and carries the
declared name as its label, so that later plans know it; the next one may have the plain name again.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Network, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import NETWORK_LABEL, STACK_LABEL, NetworkState, Observed
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.drivers import driver_refusals
from swarmkit.plan.networks.lan_room import room_refusals
from swarmkit.plan.networks.lans import lan_refusals, lan_wish
from swarmkit.plan.networks.operations import CreateHostNetwork
from swarmkit.plan.networks.ranges import overlap
from swarmkit.plan.networks.refusals import number_refusals
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.stacks.missing_externals import create_network, missing_external
from swarmkit.plan.stacks.operations import CreateNetwork
from swarmkit.plan.stacks.spec import network_spec
from swarmkit.plan.stacks.spec_diff import Change, label_changes, network_changes

ENGINES_OWN = ("host", "none", "bridge")
_LEAVE_IN_CLEAR = (
    'leave it as it is, in clear: x-swarmkit: {encrypted: false, reason: "..."} at the network, or '
    "swarm_overlay_encryption: as-declared in the inventory"
)
_CLEAR_EXTERNAL = f"make it anew, encrypted, while no service is on it; or {_LEAVE_IN_CLEAR}"


@dataclass(frozen=True)
class NetworkMove:
    """Services go from *old* to *target*, the network that is as declared."""

    name: str
    target: str
    old: NetworkState
    changes: tuple[Change, ...]


@dataclass
class StackNetworks:
    """What is to be done about the networks of *stack*; collects refusals on its way."""

    inventory: Inventory
    stack: Stack
    observed: Observed
    recreate: bool
    swarm_ready: frozenset[str]
    operations: list[Operation] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Key in the stack file -> name in the swarm."""
    moves: list[NetworkMove] = field(default_factory=list)
    numbered: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Options of the file's networks that are made, by name: the engine's allocator sees their numbers too."""
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def plan(self) -> None:
        for network in self.stack.networks:
            self.names[network.key] = network.name
            if network.external:
                self._external(network)
            elif network.lan is not None:
                self._lan(network)
            else:
                self._own(network)

    def _live(self, network: Network) -> tuple[NetworkState, ...]:
        cluster = self.observed.cluster
        found = cluster.networks_for(network.name) if cluster else ()
        return tuple(one for one in found if one.name == network.name or self._is_of_stack(one))

    def _is_of_stack(self, live: NetworkState) -> bool:
        return live.labels.get(STACK_LABEL) == self.stack.name

    def _external(self, network: Network) -> None:
        live = self.observed.cluster.network(network.name) if self.observed.cluster else None
        if live is not None:
            self.names[network.key] = live.name
            self._warn_of_clear(network, live)
        elif network.name not in ENGINES_OWN:
            there = [one.name for one in self.observed.cluster.networks] if self.observed.cluster else ()
            create = create_network(network.name, str(self.inventory.source))
            self.refusals.append(missing_external("network", network.name, network.place, create, there))

    def _warn_of_clear(self, network: Network, live: NetworkState) -> None:
        """Tell before anything runs on it of a network that the proof will not accept (V08)."""
        required = self.inventory.overlay_encryption == "required" and network.plaintext_reason is None
        if live.driver == "overlay" and not live.encrypted and (network.encrypted or required):
            what = f"the network {live.name} is in clear and shall be encrypted: the proof will end with 4 (V08)"
            self.warnings.append(Finding("B46", "warning", network.name, what, network.place, _CLEAR_EXTERNAL))

    def _own(self, network: Network) -> None:
        encrypted = network.encrypted or self._policy_encrypts(network)
        body = network_spec(self.stack, network, encrypted=encrypted)
        there = self._live(network)
        found = {live.name: (live, network_changes(body, live.raw)) for live in there if self._is_of_stack(live)}
        if there and not found:
            self._refuse_others(network, there[0])
            return
        alike = [live for live, changes in found.values() if not changes]
        current = min(alike, key=lambda live: len(label_changes(body, live.raw))).name if alike else None
        if current is not None:
            self._warn_of_labels(network, label_changes(body, found[current][0].raw))
        elif found and not self.recreate:
            self._refuse_changed(network, next(iter(found.values()))[1])
            return
        target = current or _free_name(network.name, [live.name for live in there])
        self.names[network.key] = target
        if current is None:
            self._create(network, body | {"Name": target}, encrypted=encrypted, instead=bool(found))
        for name, (live, changes) in found.items():
            if name != target and not self._overlapping(network, live):
                self.moves.append(NetworkMove(network.name, target, live, changes))

    def _warn_of_labels(self, network: Network, changes: tuple[Change, ...]) -> None:
        if changes:
            what = "the network keeps the labels that it was made with, which cannot be changed"
            remedy = "declare them as they are; new ones come when the network is made anew for another reason"
            self.warnings.append(Finding("B45", "warning", network.name, what, _told(changes), remedy))

    def _create(self, network: Network, body: dict[str, Any], *, encrypted: bool, instead: bool) -> None:
        if body["Name"] != network.name:
            body = body | {"Labels": {**body["Labels"], NETWORK_LABEL: network.name}}
        cluster = self.observed.cluster
        others = {live.name: live.options for live in cluster.networks} if cluster else {}
        self.refusals += number_refusals(network.name, network.driver_options, others | self.numbered)
        self.numbered[network.name] = network.driver_options
        self.refusals += driver_refusals(network, self.observed)
        self._check_name(network, body["Name"])
        how = "encrypted overlay" if encrypted else f"{network.driver}, NOT encrypted"
        how = "bridge, one on each host" if network.driver == "bridge" else how
        reason = network.plaintext_reason or ("as declared, beside the old one" if instead else "not there yet")
        step = Step(
            f"network:{body['Name']}", "network", "create", body["Name"], f"create {how}", reason, self.swarm_ready
        )
        self.operations.append(CreateNetwork(step, body))

    def _check_name(self, network: Network, name: str) -> None:
        cluster = self.observed.cluster
        if cluster and name in cluster.names_taken:
            what = f"{cluster.told_by}, the manager that is to make it, has a network {name} of its own"
            remedy = f"swarmkit network rm {name} --on {cluster.told_by}; or give the stack's another name"
            self._refuse("B45", network, what, "a host has one network of a name", remedy)

    def _refuse_changed(self, network: Network, changes: tuple[Change, ...]) -> None:
        remedy = "declare what is live, give the network another name, or remove the stack first: swarmkit down"
        if network.lan is None:
            remedy = "make it anew under its services: swarmkit up --recreate-networks; or first remove the stack: "
            remedy += "swarmkit down"
            if [change.path for change in changes if change.new == "true"] == ["Options.encrypted"]:
                remedy = f"{_LEAVE_IN_CLEAR}; or {remedy}"
        self._refuse(
            "B45", network, "the network exists with other options, which cannot be changed",
            _told(changes), remedy,
        )  # fmt: skip

    def _refuse_others(self, network: Network, live: NetworkState) -> None:
        """Docker's tool would make one beside it, which the engine refuses; ours to change or remove it is not."""
        owner = live.labels.get(STACK_LABEL)
        whose = f"stack {owner}'s" if owner else "no stack's"
        what = f"the network {live.name} is there, and is {whose}: this one would change or remove what others use"
        remedy = f"use it as it is: external: true, name: {live.name}; or give the stack's own another name"
        self._refuse("B45", network, what, network.place, remedy)

    def _overlapping(self, network: Network, live: NetworkState) -> bool:
        """Refuse what the engine could not make beside *live*: two networks with one range."""
        clashing = [one for one in network.subnets if any(overlap(one, other) for other in live.subnets)]
        if clashing:
            what = f"the network cannot be made anew beside {live.name}: both have {', '.join(clashing)}"
            self._refuse("B45", network, what, network.place, "declare another subnet, or none")
        return bool(clashing)

    def _policy_encrypts(self, network: Network) -> bool:
        required = self.inventory.overlay_encryption == "required"
        return required and network.driver == "overlay" and network.plaintext_reason is None

    def _lan(self, network: Network) -> None:
        wish = lan_wish(self.stack, network, self.inventory, self.observed)
        self.refusals += lan_refusals(network, wish, self.inventory, self.observed)
        self.refusals += room_refusals(self.stack, network, wish, self.inventory, self.observed)
        made: set[str] = set()
        for host, config in wish.configs.items():
            live = self.observed.hosts[host].engine.config_network(config.name)
            if live is None:
                key = f"network:{config.name}@{host}"
                made.add(key)
                parent = config.parent or "a dummy device"
                what = f"create config-only network {config.name}"
                reason = f"tasks there get {config.ip_ranges[0]} over {parent}"
                # The swarm before its networks: the lock that every write is kept by is in it.
                step = Step(key, "network", "create", host, what, reason, self.swarm_ready)
                self.operations.append(CreateHostNetwork(step, host, config))
            else:
                self._compare_part(replace(network, name=f"{config.name} on {host}"), config.differences(live.raw))
        self._over(network, wish.network, frozenset(made))

    def _compare_part(self, part: Network, changes: tuple[Change, ...]) -> None:
        of_labels = tuple(change for change in changes if change.path.startswith("labels."))
        self._warn_of_labels(part, of_labels)
        if refused := tuple(change for change in changes if change not in of_labels):
            self._refuse_changed(part, refused)

    def _over(self, network: Network, wish: NetworkWish, made: frozenset[str]) -> None:
        live = self.observed.cluster.network(network.name) if self.observed.cluster else None
        if live is None:
            self._check_name(network, network.name)
            after = made | self.swarm_ready
            reason = f"over {wish.config_from} of each host"
            step = Step(
                f"network:{network.name}", "network", "create", network.name, f"create {network.driver}", reason, after
            )
            self.operations.append(CreateNetwork(step, wish.body))
        elif changes := _compared(wish, live):
            self._refuse_changed(network, changes)

    def _refuse(self, code: str, network: Network, what: str, evidence: str, remedy: str) -> None:
        self.refusals.append(Finding(code, "error", network.name, what, evidence, remedy))


def _told(changes: tuple[Change, ...]) -> str:
    return "; ".join(f"{one.path}: live {one.old or '(none)'}, declared {one.new or '(none)'}" for one in changes)


def _compared(wish: NetworkWish, live: NetworkState) -> tuple[Change, ...]:
    """A manager that runs a task on it shows its own part of the network: what is of the swarm is compared."""
    return tuple(change for change in wish.differences(live.raw) if change.path != "enableipv6")


def _free_name(name: str, taken: Any) -> str:
    return next(one for one in itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2))) if one not in taken)
