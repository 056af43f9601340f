"""Drivers of logs and volumes that no host has on which a service may run: its tasks would wait for ever; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.observed.model import Node, Observed

_LATEST = ":latest"
_OF_EVERY_ENGINE = {"Log": ("none",), "Volume": ("local",)}
"""What the scheduler looks for on no node (moby swarmkit manager/scheduler/filter.go, PluginFilter)."""


def lacking_drivers(service: Service, stack: Stack, hosts: Iterable[Host], observed: Observed) -> Iterator[str]:
    """Yield ``log driver NAME`` and ``volume driver NAME`` that none of *hosts* has, by what the managers know of them.

    Of a host that is no node yet nobody knows its plugins (GET /info leaves out those of ``docker plugin``): while one
    of *hosts* is such, or a node tells of none of a kind, nothing is yielded.
    """
    cluster = observed.cluster
    nodes = [cluster.node(observed.hosts[host.name].engine.node_id) if cluster else None for host in hosts]
    for kind, driver in _wanted(service, stack):
        if all(node and _tells_of(node, kind) and not _has(node, kind, driver) for node in nodes):
            yield f"{kind.lower()} driver {driver}"


def _wanted(service: Service, stack: Stack) -> Iterator[tuple[str, str]]:
    volumes = {volume.key: volume for volume in stack.volumes}
    mounted = [volumes[mount.source] for mount in service.mounts if mount.type == "volume" and mount.source in volumes]
    drivers = [("Volume", volume.driver) for volume in mounted if not volume.external]
    drivers.append(("Log", service.logging.driver if service.logging else None))
    for kind, driver in dict.fromkeys(drivers):
        if driver and driver not in _OF_EVERY_ENGINE[kind]:
            yield kind, driver


def _tells_of(node: Node, kind: str) -> bool:
    return any(told == kind for told, _ in node.plugins)


def _has(node: Node, kind: str, driver: str) -> bool:
    return bool({(kind, driver), (kind, driver + _LATEST)} & node.plugins)
