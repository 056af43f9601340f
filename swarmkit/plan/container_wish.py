"""A container asked for by command: Docker's own words, and the body the engine gets; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MADE_BY = {"io.swarmkit.made-by": "run"}


@dataclass(frozen=True)
class ContainerWish:
    """The words of ``docker run``."""

    image: str
    command: tuple[str, ...] = ()
    name: str = ""
    network: str = "bridge"
    aliases: tuple[str, ...] = ()
    ip: str = ""
    mac_address: str = ""
    hostname: str = ""
    published: Mapping[str, list[dict[str, str]]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values may be secret: they are sent, and never shown."""
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: str = ""
    user: str = ""
    volumes: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    read_only: bool = False
    restart: str = "no"
    working_directory: str = ""
    init: bool = False
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    """``NAME:ADDRESS``."""

    @property
    def host_ports(self) -> frozenset[str]:
        """Return the host's ports that are asked for, as ``8080/tcp``; those the engine chooses are left out."""
        return frozenset(
            f"{binding['HostPort']}/{inside.partition('/')[2]}"
            for inside, bindings in self.published.items()
            for binding in bindings
            if binding["HostPort"]
        )

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /containers/create."""
        return {
            **({"Name": self.name} if self.name else {}),
            "Image": self.image,
            "Labels": {**MADE_BY, **self.labels},
            "Env": [f"{key}={value}" for key, value in self.environment.items()],
            "ExposedPorts": {port: {} for port in self.published},
            **({"Cmd": list(self.command)} if self.command else {}),
            **({"Entrypoint": [self.entrypoint]} if self.entrypoint else {}),
            **({"User": self.user} if self.user else {}),
            **({"Hostname": self.hostname} if self.hostname else {}),
            **({"WorkingDir": self.working_directory} if self.working_directory else {}),
            # Engines before API 1.44 take it here, later ones in the endpoint alone.
            **({"MacAddress": self.mac_address} if self.mac_address else {}),
            "HostConfig": self._host_config(),
            **(
                {"NetworkingConfig": {"EndpointsConfig": {self.network: self._endpoint()}}}
                if self._has_endpoint
                else {}
            ),
        }

    @property
    def _has_endpoint(self) -> bool:
        return bool(self.aliases or self.ip or self.mac_address)

    def _endpoint(self) -> dict[str, Any]:
        return {
            **({"Aliases": list(self.aliases)} if self.aliases else {}),
            **({"IPAMConfig": {"IPv4Address": self.ip}} if self.ip else {}),
            **({"MacAddress": self.mac_address} if self.mac_address else {}),
        }

    def _host_config(self) -> dict[str, Any]:
        name, _, count = self.restart.partition(":")
        return {
            "NetworkMode": self.network,
            "PortBindings": dict(self.published),
            "Binds": list(self.volumes),
            "CapAdd": list(self.cap_add),
            "CapDrop": list(self.cap_drop),
            "ReadonlyRootfs": self.read_only,
            "Dns": list(self.dns),
            "DnsSearch": list(self.dns_search),
            "DnsOptions": list(self.dns_options),
            "ExtraHosts": list(self.extra_hosts),
            **({"Init": True} if self.init else {}),
            "RestartPolicy": {"Name": name, **({"MaximumRetryCount": int(count)} if count else {})},
        }
