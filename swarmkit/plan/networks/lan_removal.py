"""The way out of a stack's macvlan and ipvlan networks: the swarm's first, then what they are made of; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from swarmkit.observed.model import STACK_LABEL, ClusterState, NetworkState, Observed
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.networks.operations import AwaitNetworkGone, RemoveHostNetwork
from swarmkit.plan.stacks.removal import remove_object


@dataclass(frozen=True)
class LiveLans:
    """The LAN networks of a stack as they are."""

    parts: tuple[tuple[str, NetworkState], ...]
    """(host, its config-only network)."""
    networks: tuple[NetworkState, ...]
    """The swarm's, made from the parts."""


def live_lans(cluster: ClusterState | None, observed: Observed, stack: str, besides: Collection[str] = ()) -> LiveLans:
    """Return the LAN networks of *stack*, without those whose parts have a name of *besides*."""
    parts = tuple(
        (host, network)
        for host, facts in observed.hosts.items()
        for network in facts.engine.config_networks
        if network.labels.get(STACK_LABEL) == stack and network.name not in besides
    )
    names = {network.name for _, network in parts}
    return LiveLans(parts, tuple(one for one in (cluster.networks if cluster else ()) if one.config_from in names))


def remove_lans(lans: LiveLans, reason: str, after: frozenset[str]) -> Iterator[Operation]:
    """Yield the removals: of each network, and of each host's part once no host has the network."""
    gone: dict[str, frozenset[str]] = {}
    for network in lans.networks:
        remove = remove_object("networks", network.name, network.id, reason, after)
        yield remove
        awaited = frozenset({remove.step.key})
        step = Step(f"gone:{network.name}", "network", "wait", network.name, "wait until no host has it", "", awaited)
        yield AwaitNetworkGone(step, network.id)
        gone[network.config_from] = gone.get(network.config_from, frozenset()) | {step.key}
    for host, network in lans.parts:
        what = f"remove config-only network {network.name}"
        first = gone.get(network.name, after)
        key = f"remove:network:{network.name}@{host}"
        yield RemoveHostNetwork(
            Step(key, "network", "remove", host, what, reason, first, destructive=True), host, network.id
        )
