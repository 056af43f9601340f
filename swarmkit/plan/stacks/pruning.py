"""What a stack has made and its file no longer has: secrets, configs and networks that nobody needs any more; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.declared.stack.service import Stack
from swarmkit.observed.model import (
    RECORD_LABEL,
    STACK_LABEL,
    ClusterState,
    NetworkState,
    Observed,
    SecretState,
    ServiceState,
    network_targets,
)
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.lan_removal import LiveLans, live_lans, remove_lans
from swarmkit.plan.networks.lans import config_name
from swarmkit.plan.networks.operations import AwaitNetworkUnused
from swarmkit.plan.stacks.files import is_version_of
from swarmkit.plan.stacks.names import file_name
from swarmkit.plan.stacks.record import Record
from swarmkit.plan.stacks.removal import remove_object
from swarmkit.reach.engine import Kind

UNDECLARED = "no longer in the stack file"
Unneeded = tuple[Kind, SecretState | NetworkState]


@dataclass(frozen=True)
class Pruning:
    """The stack as declared against what carries its label; *goes* tells of a service that is replaced or removed."""

    stack: Stack
    cluster: ClusterState | None
    record: Record | None
    """What ran before: the versions it names stay."""
    goes: Callable[[ServiceState], bool]

    def found(self, networks: Mapping[str, str]) -> list[Unneeded]:
        """Return what is to go; *networks* are the names of those that the services shall be on."""
        if self.cluster is None:
            return []
        return [*self._files(self.cluster), *self._networks(self.cluster, frozenset(networks.values()))]

    def _files(self, cluster: ClusterState) -> Iterator[Unneeded]:
        """Yield what no version of a declared secret or config is; those are looked after in any case."""
        kinds: tuple[tuple[Kind, str], ...] = (("secrets", "Secret"), ("configs", "Config"))
        for kind, what in kinds:
            declared = self.stack.secrets if kind == "secrets" else self.stack.configs
            names = {file_name(file) for file in declared}
            names |= self.record.files(what) if self.record else set()  # type: ignore[arg-type]
            for item in cluster.secrets if kind == "secrets" else cluster.configs:
                is_own = item.labels.get(STACK_LABEL) == self.stack.name and RECORD_LABEL not in item.labels
                is_version = any(is_version_of(item, file, self.stack.name) for file in declared)
                is_left = item.name not in names and not is_version
                if is_own and is_left and not self._used(what, item.id):
                    yield kind, item

    def lans(self, observed: Observed) -> LiveLans:
        """Return the macvlan and ipvlan networks that are to go: those that no service keeps."""
        declared = {config_name(network) for network in self.stack.networks}
        lans = live_lans(self.cluster, observed, self.stack.name, declared)
        used = self._used_networks()
        kept = {network.config_from for network in lans.networks if {network.id, network.name} & used}
        return live_lans(self.cluster, observed, self.stack.name, declared | kept)

    def _networks(self, cluster: ClusterState, wanted: frozenset[str]) -> Iterator[Unneeded]:
        used = self._used_networks()
        declared = {network.name for network in self.stack.networks}
        for network in cluster.networks:
            is_own = network.labels.get(STACK_LABEL) == self.stack.name and network.scope == "swarm"
            is_named = network.name in wanted or network.declared_name in declared
            if is_own and not is_named and not network.config_from and not {network.id, network.name} & used:
                yield "networks", network

    def _used_networks(self) -> set[str]:
        return set[str]().union(*(network_targets(live.spec) for live in self._staying()))

    def _used(self, what: str, identity: str) -> bool:
        containers = [live.spec["TaskTemplate"]["ContainerSpec"] for live in self._staying()]
        return any(one.get(f"{what}ID") == identity for found in containers for one in found.get(f"{what}s") or ())

    def _staying(self) -> list[ServiceState]:
        return [live for live in (self.cluster.services if self.cluster else ()) if not self.goes(live)]


def removals_of(unneeded: list[Unneeded], lans: LiveLans, after: frozenset[str]) -> Iterator[Operation]:
    """Yield the removals, which follow *after*; that of a network also the wait until no task is on it."""
    for kind, item in unneeded:
        first = after
        if kind == "networks":
            wait = _await_unused(item.name, item.id, after)
            yield wait
            first = after | {wait.step.key}
        yield remove_object(kind, item.name, item.id, UNDECLARED, first)
    waits = [_await_unused(network.name, network.id, after) for network in lans.networks]
    yield from waits
    yield from remove_lans(lans, UNDECLARED, after | {wait.step.key for wait in waits})


def _await_unused(name: str, identity: str, after: frozenset[str]) -> AwaitNetworkUnused:
    step = Step(f"unused:{name}", "network", "wait", name, "wait until no task is on it", "", after)
    return AwaitNetworkUnused(step, identity)
