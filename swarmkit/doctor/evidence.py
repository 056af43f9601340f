"""Everything the checks look at, read from all hosts at once. Never writes."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from swarmkit.declared.host import Inventory
from swarmkit.declared.service import Stack
from swarmkit.doctor.model import Paths, Peer
from swarmkit.doctor.paths import peers_of, probe_paths
from swarmkit.observed.listeners import read_listeners
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.observed.networks import HostNetwork, read_networks
from swarmkit.observed.observe import observe
from swarmkit.observed.parse import DEFAULT_DATA_PATH_PORT, sections
from swarmkit.reach.engine import Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

DEFAULT_MTU_BYTES = 1500
FACTS_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Link:
    """A network interface of a host."""

    name: str
    mtu_bytes: int
    mac: str
    kind: str
    """``bridge``, ``vxlan``, ``veth``; empty for hardware."""
    vni: int | None = None


@dataclass(frozen=True)
class HostEvidence:
    """One host as the checks see it."""

    facts: HostFacts
    info: Json
    """What the engine says of itself (GET /info)."""
    links: tuple[Link, ...]
    said: Mapping[str, str]
    """The fact script's sections."""
    listening: frozenset[str]
    """``80/tcp``."""

    @property
    def name(self) -> str:
        return self.facts.host

    @property
    def kernel(self) -> dict[str, str]:
        """Kernel settings by name."""
        return dict(line.split(maxsplit=1) for line in self.said.get("kernel", "").splitlines() if " " in line)

    def link_of(self, address: str) -> Link | None:
        """Return the interface that carries *address*."""
        name = self.facts.system.addresses.get(address)
        return next((link for link in self.links if link.name == name), None)


@dataclass(frozen=True)
class Evidence:
    """All that was read, at one time."""

    inventory: Inventory
    stack: Stack | None
    observed: Observed
    hosts: Mapping[str, HostEvidence]
    networks: tuple[HostNetwork, ...]
    paths: Paths
    peers: Mapping[str, Peer] = field(default_factory=dict)

    @property
    def data_path_port(self) -> int:
        return data_path_port(self.inventory, self.observed)

    @property
    def mtus(self) -> dict[str, int]:
        """Host -> MTU of the interface its overlays use, in bytes."""
        return data_mtus(self.peers, self.hosts)


def gather(fleet: Fleet, inventory: Inventory, stack: Stack | None, observed: Observed | None = None) -> Evidence:
    """Read every host of *fleet* and try every way between them; raises SwarmkitError when a host does not answer.

    With *observed*, what it tells is not read again.
    """
    with ThreadPoolExecutor(max_workers=2) as pool:
        networks = pool.submit(read_networks, fleet)
        reading = pool.submit(_read_hosts, fleet)
        observed = observed or observe(fleet, kernel="always")
        hosts = {name: _host(observed.hosts[name], *said) for name, said in reading.result().items()}
        peers = peers_of(inventory, observed)
        paths = probe_paths(fleet, peers, data_path_port(inventory, observed), data_mtus(peers, hosts))
        return Evidence(inventory, stack, observed, hosts, networks.result(), paths, peers)


def data_path_port(inventory: Inventory, observed: Observed) -> int:
    """Return the live data-path port, else the declared one, else Docker's default."""
    if observed.cluster:
        return observed.cluster.data_path_port
    return inventory.data_path_port or DEFAULT_DATA_PATH_PORT


def data_mtus(peers: Mapping[str, Peer], hosts: Mapping[str, HostEvidence]) -> dict[str, int]:
    """Return for each peer the MTU of the interface that carries its data address, in bytes."""
    links = {name: hosts[name].link_of(peer.data) for name, peer in peers.items()}
    return {name: link.mtu_bytes if link else DEFAULT_MTU_BYTES for name, link in links.items()}


def _read_hosts(fleet: Fleet) -> dict[str, tuple[Json, dict[str, str], frozenset[str]]]:
    script = importlib.resources.files("swarmkit.doctor").joinpath("facts.sh").read_text()

    def read(name: str) -> tuple[Json, dict[str, str], frozenset[str]]:
        reached = fleet[name]
        info = reached.engine.info()
        root = str(info.get("DockerRootDir") or "/var/lib/docker")
        said = sections(reached.shell.run(script, (root,), timeout_seconds=FACTS_TIMEOUT_SECONDS).stdout)
        return info, said, read_listeners(reached.shell)

    answers = {}
    for name, answer in fan_out(fleet, read).items():
        if isinstance(answer, Exception):
            raise answer
        answers[name] = answer
    return answers


def _host(facts: HostFacts, info: Json, said: dict[str, str], listening: frozenset[str]) -> HostEvidence:
    links = tuple(
        Link(
            name=str(link["ifname"]),
            mtu_bytes=int(link.get("mtu", 0)),
            mac=str(link.get("address", "")),
            kind=str((link.get("linkinfo") or {}).get("info_kind", "")),
            vni=((link.get("linkinfo") or {}).get("info_data") or {}).get("id"),
        )
        for link in json.loads(said.get("links") or "[]")
    )
    return HostEvidence(facts, info, links, said, listening)
