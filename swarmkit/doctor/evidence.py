"""Everything the checks look at, read from all hosts at once. Never writes."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import MTU_OPTION, Stack
from swarmkit.doctor.model import Paths, Peer
from swarmkit.doctor.paths import peers_of, probe_paths
from swarmkit.observed.dropping.reading import HostRules, read_rules
from swarmkit.observed.listeners import listening
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.observed.networks import HostNetwork, read_networks
from swarmkit.observed.observe import observe
from swarmkit.observed.parse import DEFAULT_DATA_PATH_PORT, sections
from swarmkit.plan.engines.versions import version_tuple
from swarmkit.reach.engine import Json
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.ssh import CommandResult, SshSession

DEFAULT_MTU_BYTES = 1500
FACTS_TIMEOUT_SECONDS = 20.0
FIRST_WITH_IP_SETS = (28,)
"""The first engines that need the kernel's ip_set and iptable_raw (moby #49503)."""


_PROCESS = re.compile(r'users:\(\("([^"]*)",pid=(\d+)')
"""Of a line of ``ss -p``."""


@dataclass(frozen=True)
class Link:
    """A network interface of a host."""

    name: str
    mtu_bytes: int
    mac: str
    kind: str
    """``bridge``, ``vxlan``, ``veth``; empty for hardware."""
    vni: int | None = None
    port: int | None = None
    """Of a VXLAN link: the UDP port it sends to."""


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
    session: SshSession | None = None
    noise: str = ""
    """What the login shell printed before the script ran."""
    holders: Mapping[str, str] = field(default_factory=dict)
    """``80/tcp`` -> the process that listens there, empty where none has it: the socket is the kernel's own. Without
    what was not read: of hosts that are nodes, have no ``ss``, or none of a swarm's ports taken."""

    @property
    def name(self) -> str:
        return self.facts.host

    @functools.cached_property
    def files(self) -> Mapping[str, tuple[str, ...]]:
        """Return the lines of the files that were read, by path."""
        found: dict[str, list[str]] = {}
        for entry in self.said.get("files", "").splitlines():
            path, _, text = entry.partition(":")
            found.setdefault(path, []).append(text)
        return {path: tuple(lines) for path, lines in found.items()}

    def setting(self, name: str) -> str:
        """Return a kernel setting by its name in sysctl's form, or empty when it was not read."""
        path = name if name.startswith("/") else f"/proc/sys/{name.replace('.', '/')}"
        return " ".join(self.files.get(path, ()))

    def certificate(self, name: str) -> str:
        """Return a file of the swarm's certificates, or empty."""
        ends = f"/swarm/certificates/{name}"
        return next(("\n".join(lines) for path, lines in self.files.items() if path.endswith(ends)), "")

    @property
    def host_keys(self) -> tuple[str, ...]:
        """Return the public parts of its SSH host keys, in base64: the one that it showed, and its files'."""
        files = [line.split() for path, lines in self.files.items() if path.endswith("_key.pub") for line in lines]
        shown = [self.session.host_key] if self.session else []
        return tuple(filter(None, dict.fromkeys([*shown, *(key[1] for key in files if len(key) > 1)])))

    def link_of(self, address: str) -> Link | None:
        """Return the interface that carries *address*."""
        name = self.facts.system.addresses.get(address)
        return next((link for link in self.links if link.name == name), None)


@dataclass(frozen=True)
class Evidence:
    """All that was read, at one time."""

    inventory: Inventory
    """With the hosts that could be read alone."""
    stack: Stack | None
    observed: Observed
    hosts: Mapping[str, HostEvidence]
    networks: tuple[HostNetwork, ...]
    paths: Paths
    peers: Mapping[str, Peer] = field(default_factory=dict)
    managers_declared: int = 1
    """Of all hosts, read or not."""
    unread: tuple[Host, ...] = ()
    """The inventory's hosts that could not be read."""
    rules: Mapping[str, HostRules] = field(default_factory=dict)
    """Of the hosts' firewalls, where they tell them."""

    @property
    def data_path_port(self) -> int:
        return data_path_port(self.inventory, self.observed)

    @property
    def mtus(self) -> dict[str, int]:
        """Host -> MTU of the interface its overlays use, in bytes."""
        return data_mtus(self.peers, self.hosts)

    @property
    def assumed_mtu(self) -> int:
        """The largest path MTU that an overlay of the stack reckons with, in bytes; Docker's default without one."""
        live = {network.name: network.raw.get("Options") or {} for network in self.networks}
        overlays = [net for net in self.stack.networks if net.driver == "overlay"] if self.stack else []
        options = [live.get(net.name, {}) if net.external else net.driver_options for net in overlays]
        return max((int(of.get(MTU_OPTION) or DEFAULT_MTU_BYTES) for of in options), default=DEFAULT_MTU_BYTES)


def gather(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    *,
    infos: Mapping[str, Future[Json]] | None = None,
    look: Callable[[], Observed] | None = None,
) -> Evidence:
    """Read every host of *fleet* and try every way between them; raises SwarmkitError when a host does not answer.

    Hosts of *inventory* that are not in *fleet* are left out. With *infos*, what the engines say of themselves is not
    asked again; with *look*, which is called beside the reading and tells every host's kernel too, nor what it tells.
    """
    known = replace(inventory, hosts=tuple(host for host in inventory.hosts if host.name in fleet))
    with ThreadPoolExecutor(max_workers=len(fleet) + 3) as pool:
        infos = infos or {name: pool.submit(reached.engine.info) for name, reached in fleet.items()}
        networks = pool.submit(read_networks, fleet)
        rules = pool.submit(read_rules, fleet, fleet)
        reading = pool.submit(_read_hosts, fleet, infos, inventory.data_path_port or DEFAULT_DATA_PATH_PORT)
        observed = look() if look else observe(fleet, kernel="always", infos=infos)
        hosts = _hosts(fleet, observed, reading.result())
        peers = peers_of(known, observed)
        port = data_path_port(inventory, observed)
        paths = probe_paths(fleet, peers, port, data_mtus(peers, hosts), rules.result)
        managers = len(inventory.managers)
        unread = tuple(host for host in inventory.hosts if host.name not in fleet)
        return Evidence(
            known, stack, observed, hosts, networks.result(), paths, peers, managers, unread, rules.result()
        )


def read_hosts(fleet: Fleet, infos: Mapping[str, Future[Json]], observed: Observed) -> dict[str, HostEvidence]:
    """Read what the checks of one host look at, beside *observed*; nothing is tried between hosts."""
    return _hosts(fleet, observed, _read_hosts(fleet, infos, DEFAULT_DATA_PATH_PORT))


def _hosts(fleet: Fleet, observed: Observed, answers: Mapping[str, _Said]) -> dict[str, HostEvidence]:
    return {name: _host(observed.hosts[name], said, fleet[name].session) for name, said in answers.items()}


def data_path_port(inventory: Inventory, observed: Observed) -> int:
    """Return the live data-path port, else the declared one, else Docker's default."""
    if observed.cluster:
        return observed.cluster.data_path_port
    return inventory.data_path_port or DEFAULT_DATA_PATH_PORT


def data_mtus(peers: Mapping[str, Peer], hosts: Mapping[str, HostEvidence]) -> dict[str, int]:
    """Return for each peer the MTU of the interface that carries its data address, in bytes."""
    links = {name: hosts[name].link_of(peer.data) for name, peer in peers.items()}
    return {name: link.mtu_bytes if link else DEFAULT_MTU_BYTES for name, link in links.items()}


@dataclass(frozen=True)
class _Said:
    """What one host answered: its engine, and the fact script."""

    info: Json
    script: CommandResult


def _read_hosts(fleet: Fleet, infos: Mapping[str, Future[Json]], port: int) -> dict[str, _Said]:
    script = importlib.resources.files("swarmkit.doctor").joinpath("facts.sh").read_text()

    def read(name: str) -> _Said:
        info = infos[name].result()
        root = str(info.get("DockerRootDir") or "/var/lib/docker")
        age = "old" if version_tuple(str(info.get("ServerVersion", ""))) < FIRST_WITH_IP_SETS else "new"
        arguments = (root, age, f"{port:04X}")
        return _Said(info, fleet[name].shell.run(script, arguments, timeout_seconds=FACTS_TIMEOUT_SECONDS))

    answers = {}
    for name, answer in fan_out(fleet, read).items():
        if isinstance(answer, Exception):
            raise answer
        answers[name] = answer
    return answers


def _host(facts: HostFacts, answer: _Said, session: SshSession | None) -> HostEvidence:
    said = sections(answer.script.stdout)
    links, said["policies"] = _links(said.get("links_and_policies", ""))
    sockets = (line for line in said.get("files", "").splitlines() if line.startswith("/proc/net/"))
    heard = frozenset(listening(line.removeprefix("/proc/net/").replace(":", " ", 1) for line in sockets))
    return HostEvidence(facts, answer.info, links, said, heard, session, answer.script.noise, _holders(said))


def _holders(said: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in said.get("holders", "").splitlines():
        words = line.split()
        key = f"{words[4].rpartition(':')[2]}/{words[0]}"
        process = _PROCESS.search(line)
        found[key] = found.get(key) or (f"{process[1]}, pid {process[2]}" if process else "")
    return found


def _links(text: str) -> tuple[tuple[Link, ...], str]:
    """Return the interfaces, and the IPsec policies that ``ip -batch`` wrote after them."""
    found, end = json.JSONDecoder().raw_decode(text or "[]")
    return tuple(_link(link, link.get("linkinfo") or {}) for link in found), text[end:].strip()


def _link(link: Json, info: Json) -> Link:
    data = info.get("info_data") or {}
    return Link(
        name=str(link["ifname"]),
        mtu_bytes=int(link.get("mtu", 0)),
        mac=str(link.get("address", "")),
        kind=str(info.get("info_kind", "")),
        vni=data.get("id"),
        port=data.get("port"),
    )
