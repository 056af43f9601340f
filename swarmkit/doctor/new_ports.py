"""The ports that a service would take beyond those it has; pure."""

from __future__ import annotations

from swarmkit.declared.stack.service import Port, Service, Stack
from swarmkit.observed.model import ClusterState


def new_ports(service: Service, stack: Stack, cluster: ClusterState | None) -> tuple[Port, ...]:
    """Return what *service* publishes and its live version does not: the hosts listen on the others for it."""
    live = cluster.service(f"{stack.name}_{service.name}") if cluster else None
    own = live.published if live else {}
    return tuple(port for port in service.ports if port.published and port_word(port) not in own)


def port_word(port: Port) -> str:
    return f"{port.published}/{port.protocol}"
