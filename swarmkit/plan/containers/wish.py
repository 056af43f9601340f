"""A container asked for by command: Docker's own words, and the body the engine gets; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swarmkit.plan.networks.endpoint_wish import EndpointWish

ENGINES_OWN = ("bridge", "default", "host", "none")
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
    ip6: str = ""
    link_local: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """``CONTAINER:ALIAS``."""
    driver_options: Mapping[str, str] = field(default_factory=dict)
    """For the driver of its network."""
    others: Mapping[str, EndpointWish] = field(default_factory=dict)
    """Further networks, and its place on each."""
    mac_address: str = ""
    hostname: str = ""
    domainname: str = ""
    exposed: tuple[str, ...] = ()
    """Ports that it says it listens on, as ``80/tcp``; those of its image and the published ones are as well."""
    publish_all: bool = False
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
    def endpoint(self) -> EndpointWish:
        """Its place on its network; the default bridge has links of the container's own instead."""
        return EndpointWish(
            ip=self.ip,
            ip6=self.ip6,
            link_local=self.link_local,
            aliases=self.aliases,
            links=() if self.network in ENGINES_OWN else self.links,
            options=self.driver_options,
        )

    @property
    def body(self) -> dict[str, Any]:
        """The body of POST /containers/create."""
        return {
            **({"Name": self.name} if self.name else {}),
            "Image": self.image,
            "Labels": {**MADE_BY, **self.labels},
            "Env": [f"{key}={value}" for key, value in self.environment.items()],
            "ExposedPorts": {port: {} for port in (*self.published, *self.exposed)},
            **({"Cmd": list(self.command)} if self.command else {}),
            **({"Entrypoint": [self.entrypoint]} if self.entrypoint else {}),
            **({"User": self.user} if self.user else {}),
            **({"Hostname": self.hostname} if self.hostname else {}),
            **({"Domainname": self.domainname} if self.domainname else {}),
            **({"WorkingDir": self.working_directory} if self.working_directory else {}),
            # Engines before API 1.44 take it here, later ones in the endpoint alone.
            **({"MacAddress": self.mac_address} if self.mac_address else {}),
            "HostConfig": self._host_config(),
            **(
                {"NetworkingConfig": {"EndpointsConfig": {self.network: endpoint}}}
                if (endpoint := self._endpoint())
                else {}
            ),
        }

    def _endpoint(self) -> dict[str, Any]:
        return {**self.endpoint.body, **({"MacAddress": self.mac_address} if self.mac_address else {})}

    def _host_config(self) -> dict[str, Any]:
        name, _, count = self.restart.partition(":")
        return {
            "NetworkMode": self.network,
            "PortBindings": dict(self.published),
            **({"PublishAllPorts": True} if self.publish_all else {}),
            **({"Links": list(self.links)} if self.links else {}),
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
