"""A container asked for by command: Docker's own words, and the body the engine gets; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    places: Mapping[str, EndpointWish] = field(default_factory=lambda: {"bridge": EndpointWish()})
    """Its networks and its place on each; it is made on the first."""
    mac_address: str = ""
    """On the first network."""
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
    removed_at_end: bool = False
    """By the engine, as nobody waits for its end."""
    working_directory: str = ""
    init: bool = False
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    """``NAME:ADDRESS``."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Limits, mounts, rights and the like, in the words and the form of the engine's API."""

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
    def network(self) -> str:
        """The network it is made on."""
        return next(iter(self.places))

    @property
    def others(self) -> dict[str, EndpointWish]:
        """The networks it is connected to before it starts."""
        return {name: place for name, place in self.places.items() if name != self.network}

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
            **self.settings,
            "HostConfig": {**self._host_config(), **self.settings.get("HostConfig", {})},
            **(
                {"NetworkingConfig": {"EndpointsConfig": {self.network: endpoint}}}
                if (endpoint := self._endpoint())
                else {}
            ),
        }

    def left_out_of(self, live: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the settings that the engine made otherwise in *live*, or dropped as one that does not know them."""
        wanted = {"HostConfig": {}, **self.settings}
        config = {key: value for key, value in wanted.items() if key != "HostConfig"}
        pairs = ((config, live.get("Config") or {}), (wanted["HostConfig"], live.get("HostConfig") or {}))
        return tuple(key for ours, its in pairs for key, value in ours.items() if not _holds(its.get(key), value))

    def _endpoint(self) -> dict[str, Any]:
        place = self.places[self.network]
        if self.network in ENGINES_OWN:
            # The default bridge has links of the container's own instead.
            place = replace(place, links=())
        return {**place.body, **({"MacAddress": self.mac_address} if self.mac_address else {})}

    def _host_config(self) -> dict[str, Any]:
        name, _, count = self.restart.partition(":")
        return {
            "NetworkMode": self.network,
            "PortBindings": dict(self.published),
            **({"PublishAllPorts": True} if self.publish_all else {}),
            **({"Links": list(links)} if (links := self.places[self.network].links) else {}),
            "Binds": list(self.volumes),
            "CapAdd": list(self.cap_add),
            "CapDrop": list(self.cap_drop),
            "ReadonlyRootfs": self.read_only,
            "Dns": list(self.dns),
            "DnsSearch": list(self.dns_search),
            "DnsOptions": list(self.dns_options),
            "ExtraHosts": list(self.extra_hosts),
            **({"Init": True} if self.init else {}),
            **({"AutoRemove": True} if self.removed_at_end else {}),
            "RestartPolicy": {"Name": name, **({"MaximumRetryCount": int(count)} if count else {})},
        }


def _holds(found: Any, wanted: Any) -> bool:
    """Tell whether *found* has all that was *wanted*: engines add to it, and tell of no limit in several ways."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return all(any(_holds(item, one) for item in found or ()) for one in wanted)
    if _of_container(wanted):
        # The name is an ID in what the engine made of it.
        return _of_container(found)
    return found == wanted or (not found and not wanted) or (isinstance(wanted, int) and wanted < 0)


def _of_container(mode: Any) -> bool:
    return isinstance(mode, str) and mode.startswith("container:") and mode != "container:"
