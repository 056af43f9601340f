"""Proofs that each host leads requests for a service to every running task of it, and to no other address; pure.

A connection, however often it is tried, meets one task: what loses each third request is seen in IPVS alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.live import Live, LiveService
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.ways.mesh import parse_mesh, vips_lead_to

_BALANCED = ("tcp", "udp")


@dataclass(frozen=True)
class Share:
    """What a host leads requests to that come to a service by one of its ways."""

    service: str
    host: str
    way: str
    """As people read it: a VIP or a port."""
    missing: frozenset[str] = frozenset()
    """Addresses of tasks that run, which it does not lead to."""
    foreign: frozenset[str] = frozenset()
    """What it leads to and is no task's, not even of one that starts or ends."""
    unread: str = ""
    """Why nothing is known of it."""

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.foreign or self.unread)

    def __str__(self) -> str:
        if self.unread:
            return f"{self.way}: {self.unread}"
        told = [f"does not lead to {', '.join(sorted(self.missing))}, where a task runs"] if self.missing else []
        told += [f"leads to {', '.join(sorted(self.foreign))}, which is no task's"] if self.foreign else []
        return f"{self.way} {' and '.join(told)}"

    def still(self, later: Share) -> Share:
        """Return what is wrong at both looks, each against the tasks of its time, or at the one that could be read."""
        if self.unread:
            return later
        if later.unread:
            return self
        return replace(self, missing=self.missing & later.missing, foreign=self.foreign & later.foreign)


def networks_of_vips(live: Live, host: str) -> tuple[str, ...]:
    """Return the IDs of the networks on which containers of *host* may ask by VIP."""
    vips = frozenset[str]().union(*(service.vips for service in live.services)) & live.networks.keys()
    return tuple(sorted(vips & {network for task in live.tasks_on(host) for network in task.addresses}))


def shares(live: Live, looks: Mapping[str, HostLook]) -> dict[tuple[str, str, str], Share]:
    """Return what each host leads requests to, by service, host and way."""
    # With the last task of a host on a network its load balancer goes too: the task may have ended since the look.
    networks = {host: [one for one in networks_of_vips(live, host) if one in seen.vips] for host, seen in looks.items()}
    found = [
        share
        for host in looks
        for service in live.services
        if service.tasks
        for share in (*_by_vip(live, service, host, looks, networks[host]), *_by_port(live, service, host, looks))
    ]
    return {(share.service, share.host, share.way): share for share in found}


def _by_vip(
    live: Live, service: LiveService, host: str, looks: Mapping[str, HostLook], networks: Iterable[str]
) -> Iterator[Share]:
    for network in networks:
        rules, services = looks[host].vips[network]
        vip = service.vips.get(network)
        if not vip or not any(task.addresses.get(network) for task in service.tasks):
            continue
        way = f"VIP {vip} on {live.networks[network].name}"
        try:
            served = vips_lead_to(rules, services).get(vip, frozenset())
        except UnreadableError as error:
            yield Share(service.name, host, way, unread=str(error))
            continue
        yield _share(service, host, way, network, served, looks)


def _by_port(live: Live, service: LiveService, host: str, looks: Mapping[str, HostLook]) -> Iterator[Share]:
    seen = looks[host]
    if live.ingress is None or not seen.mesh_rules:  # of a node that is not ready, or has no IPv4 address, none is read
        return
    for port in service.ports:
        if port.mode != "ingress" or not port.published or port.protocol not in _BALANCED:
            continue
        way = f"port {port.published}/{port.protocol}"
        try:
            served = parse_mesh(seen.mesh_rules, seen.mesh_services).leads_to(port.protocol, port.published)
        except UnreadableError as error:
            yield Share(service.name, host, way, unread=str(error))
            continue
        yield _share(service, host, way, live.ingress.id, served or frozenset(), looks)


def _share(
    service: LiveService, host: str, way: str, network: str, served: frozenset[str], looks: Mapping[str, HostLook]
) -> Share:
    known = _addresses(service, network, looks)
    every = frozenset(address for task in service.tasks for address in task.addresses.get(network, ()))
    passing = service.passing.get(network, frozenset())
    return Share(service.name, host, way, known - served, served - every - passing)


def _addresses(service: LiveService, network: str, looks: Mapping[str, HostLook]) -> frozenset[str]:
    """Return where tasks run for sure: of a host that does not answer nobody knows, and gossip soon gives it up."""
    there = (task for task in service.tasks if task.host in looks)
    return frozenset(address for task in there for address in task.addresses.get(network, ()))


def prove_balance(
    found: Mapping[tuple[str, str, str], Share], live: Live, looked_at: Collection[str]
) -> Iterator[Finding]:
    """Prove it for each service, one finding for all hosts that are right and one for each that is not.

    Only tasks of the hosts *looked_at* are missed: with none there, what leads nowhere looks right too.
    """
    for service in live.services:
        of_service = [share for share in found.values() if share.service == service.name]
        wrong: dict[str, list[Share]] = {}
        for share in of_service:
            if not share.is_right:
                wrong.setdefault(share.host, []).append(share)
        yield from (_error(service.name, host, of_host) for host, of_host in wrong.items())
        right: dict[str, list[str]] = {}
        for share in of_service:
            if share.host not in wrong:
                right.setdefault(share.way, []).append(share.host)
        seen = sum(task.host in looked_at for task in service.tasks)
        if right and seen:
            what = f"requests for {service.name} are led to {_told(seen, len(service.tasks))}"
            ways = (f"{way} by IPVS of {', '.join(sorted(hosts))}" for way, hosts in right.items())
            yield Finding(codes.BALANCE, "ok", service.name, what, "; ".join(ways))


def _told(seen: int, all_of_them: int) -> str:
    tasks = f"its {seen} task{'s' * (seen > 1)}"
    if seen == all_of_them:
        return f"{tasks} and nowhere else"
    return f"{tasks} that {'were' if seen > 1 else 'was'} looked at, and to no address that is no task's"


def _error(service: str, host: str, wrong: list[Share]) -> Finding:
    if all(share.unread for share in wrong):
        remedy = f"verify again in a minute: an engine that was started lately makes it still; if it stays, on {host}: "
        remedy += "systemctl restart docker"
        what = f"to where {host} leads requests for {service} could not be read"
        return Finding(codes.BALANCE, "error", f"{service} at {host}", what, "; ".join(map(str, wrong)), remedy)
    if any(share.foreign or share.unread for share in wrong):
        remedy = f"on {host}: systemctl restart docker (makes its IPVS anew; what runs there starts anew)"
    else:
        remedy = f"docker service update --force {service}"
    lost = any(share.foreign for share in wrong)
    what = f"requests for {service} that come to {host} are not led to all of its tasks"
    what = f"{host} leads requests for {service} to where no task of it is: they are lost" if lost else what
    return Finding(codes.BALANCE, "error", f"{service} at {host}", what, "; ".join(map(str, wrong)), remedy)
