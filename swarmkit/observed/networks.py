"""The networks of every host and who is on them. Reads two lists of each engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from swarmkit.observed.model import subnets_of
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

PREDEFINED = ("bridge", "host", "none", "ingress", "docker_gwbridge")
"""What the engine makes itself and refuses to remove, or makes again."""


CONFIG_ONLY = "config-only"
"""Said for the driver of what is no network, but a host's settings for one of the swarm; the engine says null."""
ON_LAN = ("macvlan", "ipvlan", CONFIG_ONLY)
"""Drivers whose ranges are the hosts' own LAN's, on purpose."""


_TASK_LABEL = "com.docker.swarm.task.id"
_ALIVE = ("running", "paused", "restarting")


@dataclass(frozen=True)
class HostNetwork:
    """One network as one host's engine tells of it."""

    host: str
    id: str
    name: str
    driver: str
    scope: str
    raw: Mapping[str, Any]
    users: Mapping[str, str]
    """Container name -> its address there, empty while it is stopped; on this host. None of a task that ended."""
    users6: Mapping[str, str] = field(default_factory=dict)
    """The same for its IPv6 address, of those that have one."""

    @property
    def options(self) -> dict[str, str]:
        return dict(self.raw.get("Options") or {})

    @property
    def parent(self) -> str:
        """The host's device under a macvlan or ipvlan; without one no cable is."""
        return self.options.get("parent", "")

    @property
    def config_from(self) -> str:
        """Name of the config-only network that it is made from, if it is."""
        return str((self.raw.get("ConfigFrom") or {}).get("Network") or "")

    @property
    def subnets(self) -> tuple[str, ...]:
        return subnets_of(self.raw)

    @property
    def ipam(self) -> list[Json]:
        return list((self.raw.get("IPAM") or {}).get("Config") or [])


def read_networks(fleet: Fleet) -> tuple[HostNetwork, ...]:
    """Return every host's networks in the fleet's order, by name; raises what the first host that failed said."""
    found: list[HostNetwork] = []
    for answer in fan_out(fleet, lambda host: _networks_of(fleet[host].engine)).values():
        if isinstance(answer, Exception):
            raise answer
        found += answer
    return tuple(found)


def networks_for(host: str, seen: Sequence[HostNetwork]) -> tuple[HostNetwork, ...]:
    """Return what containers of *host* may be on, with the users on all hosts: its own networks and the swarm's.

    A worker knows an overlay only while it uses it, so the managers' are among them.
    """
    found = {network.id: network for network in seen if network.host == host}
    for network in seen:
        if network.scope == "swarm":
            found.setdefault(network.id, network)
    return tuple(_with_users_anywhere(network, host, seen) for network in found.values())


def _with_users_anywhere(network: HostNetwork, host: str, seen: Iterable[HostNetwork]) -> HostNetwork:
    users: dict[str, str] = {}
    users6: dict[str, str] = {}
    for part in seen:
        if part.id == network.id:
            at = "" if part.host == host else f"@{part.host}"
            users |= {f"{name}{at}": address for name, address in part.users.items()}
            users6 |= {f"{name}{at}": address for name, address in part.users6.items()}
    return replace(network, users=users, users6=users6)


def network_of(name: str, networks: Iterable[HostNetwork]) -> HostNetwork | None:
    """Return the network that *name* means to Docker: an ID, a name, or the beginning of one network's ID alone."""
    found = networks_of_word(name, networks)
    return found[0] if len({network.id for network in found}) == 1 or name in {one.name for one in found} else None


def networks_of_word(word: str, networks: Iterable[HostNetwork]) -> tuple[HostNetwork, ...]:
    """Return what *word* may mean, on all hosts: those of that ID, else of that name, else whose ID begins with it."""
    known = tuple(networks)
    return (
        tuple(network for network in known if network.id == word)
        or tuple(network for network in known if network.name == word)
        or tuple(network for network in known if word and network.id.startswith(word))
    )


def _networks_of(engine: Engine) -> list[HostNetwork]:
    containers = [container for container in engine.find("containers") if not _is_ended_task(container)]
    return sorted(
        (
            HostNetwork(
                host=engine.host,
                id=str(network["Id"]),
                name=str(network["Name"]),
                driver=CONFIG_ONLY if network.get("ConfigOnly") else str(network["Driver"]),
                scope=str(network["Scope"]),
                raw=network,
                users=dict(_users(network, containers, "IPAddress")),
                users6={name: its for name, its in _users(network, containers, "GlobalIPv6Address") if its},
            )
            for network in engine.find("networks")
        ),
        key=lambda network: network.name,
    )


def _is_ended_task(container: Json) -> bool:
    """Tell of a task's container that has ended: an engine keeps it to be looked at, and never starts it again."""
    return _TASK_LABEL in (container.get("Labels") or {}) and container.get("State") not in _ALIVE


def _users(network: Json, containers: list[Json], address: str) -> list[tuple[str, str]]:
    """A container names its networks by ID once it has run, and by name alone before."""
    return [
        (str((container.get("Names") or [container["Id"]])[0]).removeprefix("/"), str(endpoint.get(address) or ""))
        for container in containers
        for name, endpoint in ((container.get("NetworkSettings") or {}).get("Networks") or {}).items()
        if network["Id"] == endpoint.get("NetworkID") or (not endpoint.get("NetworkID") and name == network["Name"])
    ]
