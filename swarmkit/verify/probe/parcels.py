"""What cable.pl shall send on every host, and who shall hear it: marked packets, and what must not arrive; pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from swarmkit.observed.model import NetworkState
from swarmkit.verify.encryption.wire import vnis_of
from swarmkit.verify.live import Live, LiveService, LiveTask
from swarmkit.verify.probe.look import HOST_NAMESPACE, HostLook
from swarmkit.verify.probe.probes import SILENT_PORT, Path, one_of_each_service
from swarmkit.verify.probe.sockets import ports_at
from swarmkit.verify.ways.gossip import SwarmWay, gossip_wishes

INGRESS_NAMESPACE = "/run/docker/netns/ingress_sbox"
"""The file by which the engine keeps the namespace that takes requests for published ports."""
SECONDS_OF_A_STRANGER = "2.5"
"""How long a host sends clear frames to hosts that cannot tell it that they heard enough."""


@dataclass(frozen=True)
class Spot:
    """A network namespace on a host: a process in it, or the file that keeps it."""

    host: str
    place: str


@dataclass(frozen=True)
class Parcel:
    """A marked packet from one namespace to an address, small and of full size; any of *hearers* shall hear it."""

    key: int
    path: Path
    spot: Spot
    address: str
    label: str
    hearers: tuple[Spot, ...]
    encrypted: bool
    target_host: str = ""
    """Where the addressed task runs; empty when it is a VIP."""


@dataclass(frozen=True)
class Trespass:
    """A packet and a connection to what must not answer."""

    key: int
    source: str
    target: str
    spot: Spot
    address: str
    port: int


@dataclass(frozen=True)
class Injection:
    """A clear VXLAN frame of an encrypted network, made outside of IPsec, to a task on a host that has to drop it."""

    key: int
    network: NetworkState
    vni: int
    sender: str
    receiver: str
    sender_address: str
    receiver_address: str
    inner: str
    is_member: bool
    """Whether the sender is a node of the swarm."""


@dataclass(frozen=True)
class Untried:
    """A host with a task on an encrypted network to which no clear frame can be sent, and why."""

    network: NetworkState
    host: str
    why: str


@dataclass(frozen=True)
class Parcels:
    """All of one proof."""

    mark: str
    parcels: tuple[Parcel, ...] = ()
    trespasses: tuple[Trespass, ...] = ()
    injections: tuple[Injection, ...] = ()
    untried: tuple[Untried, ...] = ()
    ways: tuple[SwarmWay, ...] = ()
    speaking: frozenset[str] = frozenset()
    """The hosts that can send and hear."""
    watches: Mapping[str, str] = field(default_factory=dict)
    """Host -> what its data interface is watched for, see wire_wish."""

    def wishes(self, host: str) -> list[str]:
        """Return the lines for cable.pl or cable_on_host.py on *host*; none when it has nothing to do."""
        lines = list(self._by_namespace(host))
        sent = [entry for entry in self.injections if entry.sender == host]
        lines += [
            f"inject {entry.key} {entry.vni} {entry.sender_address} {entry.receiver_address} {entry.inner}"
            for entry in sent
        ]
        lines += [f"await {entry.vni} {entry.sender_address}" for entry in self.injections if entry.receiver == host]
        hears_of = {parcel.spot.host for parcel in self.parcels if any(spot.host == host for spot in parcel.hearers)}
        if any(entry.receiver not in hears_of for entry in sent):
            lines.append(f"least {SECONDS_OF_A_STRANGER}")
        lines += gossip_wishes(host, self.ways, self.speaking)
        watch = [self.watches[host]] if host in self.watches else []
        return [f"cable {line}" for line in (f"mark {self.mark}", *watch, *lines)] if lines or watch else []

    def _by_namespace(self, host: str) -> Iterator[str]:
        places: dict[str, list[str]] = {}
        for parcel in self.parcels:
            for spot in parcel.hearers:
                if spot.host == host:
                    # A VIP leads to one of several: none of them may wait for it.
                    places.setdefault(spot.place, []).extend([f"hear {parcel.key}"] if parcel.target_host else [])
            if parcel.spot.host == host:
                kind = "encrypted" if parcel.encrypted else "open"
                places.setdefault(parcel.spot.place, []).append(f"send {parcel.key} {kind} {parcel.address}")
        for entry in self.trespasses:
            if entry.spot.host == host:
                line = f"apart {entry.key} {entry.address} {entry.port}"
                places.setdefault(entry.spot.place, []).append(line)
        for place, lines in places.items():
            yield f"in {place}"
            yield from lines


class Sender:
    """Makes a proof's parcels; every key is used once."""

    def __init__(self, live: Live, looks: Mapping[str, HostLook]) -> None:
        self._live, self._looked_at = live, frozenset(looks)
        self._looks = {host: seen for host, seen in looks.items() if seen.speaks}
        self._keys = itertools.count(1)

    def parcels(self) -> Iterator[Parcel]:
        """Yield from one task of each service on each host to every other task that shares a network, and its VIP."""
        for host, seen in self._looks.items():
            for task in one_of_each_service(self._live.tasks_on(host), seen):
                spot = Spot(host, str(seen.pids[task.id]))
                for network in sorted(task.addresses.keys() & self._live.networks.keys()):
                    for target in self._live.services:
                        yield from self._to_service(task, spot, self._live.networks[network], target)
            yield from self._from_ingress(host)

    def _to_service(self, task: LiveTask, spot: Spot, network: NetworkState, target: LiveService) -> Iterator[Parcel]:
        path = Path(task.service, task.host, target.name, network.name)
        others = [other for other in target.tasks if other.id != task.id and other.addresses.get(network.id)]
        yield from self._to_tasks(path, spot, network, others)
        spots = [self.spot(other) for other in others]
        known = tuple(other for other in spots if other)
        vip = target.vips.get(network.id)
        if vip and known and len(known) == len(spots) and target.name != task.service:
            yield Parcel(next(self._keys), path, spot, vip, "VIP", known, network.encrypted)

    def _to_tasks(self, path: Path, spot: Spot, network: NetworkState, others: list[LiveTask]) -> Iterator[Parcel]:
        for other in others:
            hearer = self.spot(other)
            for address in other.addresses[network.id] if hearer else ():
                yield Parcel(
                    next(self._keys),
                    path,
                    spot,
                    address,
                    f"task on {other.host}",
                    (hearer,) if hearer else (),
                    network.encrypted,
                    other.host,
                )

    def _from_ingress(self, host: str) -> Iterator[Parcel]:
        ingress = self._live.ingress
        if ingress is None or host not in self._live.ready_hosts:
            return
        for target in self._live.services:
            tasks = [task for task in target.tasks if task.addresses.get(ingress.id)]
            path = Path("ingress", host, target.name, ingress.name)
            yield from self._to_tasks(path, Spot(host, INGRESS_NAMESPACE), ingress, tasks)

    def spot(self, task: LiveTask) -> Spot | None:
        """Return the task's namespace; None when nothing can be heard there."""
        seen = self._looks.get(task.host)
        return Spot(task.host, str(seen.pids[task.id])) if seen and task.id in seen.pids else None

    def trespasses(self) -> Iterator[Trespass]:
        """Yield to one task of each service from one task of each service that shares no network, and from hosts."""
        for host, seen in self._looks.items():
            for task in one_of_each_service(self._live.tasks_on(host), seen):
                shared = task.addresses.keys() & self._live.networks.keys()
                for target in self._live.services:
                    if target.name != task.service and not shared & target.networks:
                        yield from self._against(f"{task.service}@{host}", Spot(host, str(seen.pids[task.id])), target)
            for target in self._live.services:
                yield from self._against(f"host {host}", Spot(host, str(HOST_NAMESPACE)), target)

    def _against(self, source: str, spot: Spot, target: LiveService) -> Iterator[Trespass]:
        # That nothing answers from a host that answers nobody proves nothing.
        for task in [task for task in target.tasks if task.host in self._looked_at][:1]:
            for network in sorted(task.addresses.keys() & self._live.networks.keys()):
                for address in task.addresses[network]:
                    heard = self._looks[task.host].listeners.get(task.id, ()) if task.host in self._looks else ()
                    port = min(ports_at(heard, address), default=SILENT_PORT)
                    yield Trespass(next(self._keys), source, target.name, spot, address, port)

    def injections(self, addresses: Mapping[str, str], members: frozenset[str]) -> Iterator[Injection]:
        """Yield to each host that carries an encrypted network, from the host that is least concerned.

        *addresses*: the data address of each host that can send or receive. A host that is no node is the best
        sender, then one that does not carry the network; what a node sends that is not ready may not get there.
        """
        for network in self._live.encrypted:
            carriers = self._live.carriers(network.id)
            for receiver in carriers:
                task = self._first_task(network.id, receiver)
                if task is None or self._why_untried(network, receiver, addresses):
                    continue
                senders = self._senders(receiver, addresses)
                sender = min(senders, key=lambda host: (*self._standing(host, members), host in carriers, host))
                for vni in vnis_of(network):
                    yield Injection(
                        next(self._keys),
                        network,
                        vni,
                        sender,
                        receiver,
                        addresses[sender],
                        addresses[receiver],
                        task.addresses[network.id][0],
                        sender in members,
                    )

    def _standing(self, host: str, members: frozenset[str]) -> tuple[bool, bool]:
        return host in members, host in members and host not in self._live.ready_hosts

    def untried(self, addresses: Mapping[str, str]) -> Iterator[Untried]:
        """Yield the hosts with a task on an encrypted network to which *injections* sends nothing.

        A host that carries ingress without a task on it is none: there is no container that a frame could enter.
        """
        for network in self._live.encrypted:
            for host in sorted(self._live.ends(network.id)):
                if why := self._why_untried(network, host, addresses):
                    yield Untried(network, host, why)

    def _why_untried(self, network: NetworkState, receiver: str, addresses: Mapping[str, str]) -> str:
        if receiver not in self._looked_at:
            return f"{receiver} could not be looked at"
        if receiver not in self._looks:
            return f"neither perl nor python3 is there: nothing can be heard in the containers of {receiver}"
        if self._first_task(network.id, receiver) is None:
            return f"no container of {receiver} that is on it could be entered"
        if not vnis_of(network):
            return f"the engine does not tell the VXLAN number of {network.name}"
        if receiver not in addresses:
            return f"the interface of {receiver} that overlays use is not known"
        return "" if self._senders(receiver, addresses) else "no other host answers that could send them"

    def _senders(self, receiver: str, addresses: Mapping[str, str]) -> list[str]:
        return [host for host in self._looks if host != receiver and host in addresses]

    def _first_task(self, network: str, host: str) -> LiveTask | None:
        tasks = (task for task in self._live.tasks_on(host) if task.addresses.get(network))
        return next((task for task in tasks if self.spot(task)), None)
