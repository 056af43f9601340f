"""Proofs of published UDP ports: each node leads their datagrams to the tasks, which listen; pure.

None is sent: a service would read it as its own, and its silence would tell nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.encryption.firewall import forwarded_ports, host_mode_ports
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.live import Live, LiveService, PublishedPort
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.silence import NONE, Silence
from swarmkit.verify.ways.mesh import parse_mesh

_TRIED = ("tcp", "udp")


@dataclass(frozen=True)
class UdpPort:
    """A service's UDP port on a node."""

    service: LiveService
    port: PublishedPort
    host: str
    address: str

    @property
    def endpoint(self) -> str:
        return f"udp port {self.port.published} of {self.address}"

    @property
    def where(self) -> str:
        return f"{self.service.name}:{self.port.published}/udp at {self.host}"


def udp_ports(live: Live, addresses: Mapping[str, str]) -> tuple[UdpPort, ...]:
    """Return where UDP ports shall be led to tasks; *addresses* are those of the nodes that are ready."""
    return tuple(
        UdpPort(service, port, host, address)
        for service in live.services
        for port in service.ports
        for host, address in addresses.items()
        if port.published
        and port.protocol == "udp"
        and service.tasks
        and (port.mode == "ingress" or any(task.host == host for task in service.tasks))
    )


def prove_udp(
    ports: Iterable[UdpPort], live: Live, looks: Mapping[str, HostLook], silence: Silence = NONE
) -> Iterator[Finding]:
    """Prove for each node that the datagrams of each port are led to its tasks, and say which tasks do not listen."""
    for entry in ports:
        seen = looks.get(entry.host)
        unseen = [f"{entry.host} could not be looked at"]
        wrong = list(_wrong(entry, live, seen, silence)) if seen else unseen
        # A node takes its rules away itself when gossip gives up the last task that they would lead to.
        is_lost = silence.has_all_of(entry.service.name)
        yield silence.following(_unknown(entry, wrong, silence)) if is_lost else _finding(entry, wrong)
    for service in live.services:
        for port in service.ports:
            if port.protocol == "udp" and port.published:
                yield from _deaf(service, port, looks)
            elif port.protocol not in _TRIED and port.published:
                yield _not_tried(service, port)


def _wrong(entry: UdpPort, live: Live, seen: HostLook, silence: Silence) -> Iterator[str]:
    port = entry.port
    try:
        if port.mode != "ingress":
            if port.published not in host_mode_ports(seen.nat, "udp"):
                yield f"no rule of Docker's on {entry.host} leads port {port.published} to the container"
            return
        if port.published not in forwarded_ports(seen.nat, "udp"):
            yield f"no rule of {entry.host} leads port {port.published} into the ingress network"
        served = parse_mesh(seen.mesh_rules, seen.mesh_services).leads_to("udp", port.published)
    except UnreadableError as error:
        yield str(error)
        return
    if served is None:
        yield f"no rule of the ingress network's namespace on {entry.host} marks port {port.published}"
    elif (running := _on_ingress(entry.service, live, silence)) and not running & served:  # if to some alone: V28
        yield f"IPVS of {entry.host} does not lead to {', '.join(sorted(running))}"


def _on_ingress(service: LiveService, live: Live, silence: Silence) -> set[str]:
    """Return where tasks run by more than the managers' word."""
    ingress = live.ingress.id if live.ingress else ""
    there = (task for task in service.tasks if task.host not in silence.hosts)
    return {address for task in there for address in task.addresses.get(ingress, ())}


def _unknown(entry: UdpPort, wrong: list[str], silence: Silence) -> Finding:
    name = entry.service.name
    what = f"that datagrams to {entry.endpoint} are led to a task of {name} is not proved"
    there = ", ".join(sorted({task.host for task in silence.tasks_of(name)}))
    return Finding(codes.PUBLISHED, "error", entry.where, what, "; ".join([f"all its tasks are on {there}", *wrong]))


def _finding(entry: UdpPort, wrong: list[str]) -> Finding:
    name, host, where = entry.service.name, entry.host, entry.where
    if wrong:
        what = f"datagrams to {entry.endpoint} are not led to {name}"
        remedy = f"docker service ps {name}; if it runs, on {host}: systemctl restart docker"
        return Finding(codes.PUBLISHED, "error", where, what, "; ".join(wrong), remedy)
    by = "rules and IPVS" if entry.port.mode == "ingress" else "rules"
    what = f"datagrams to {entry.endpoint} are led to {name}"
    evidence = f"by {by} of {host}; none was sent: whether one gets there, and is answered, was not tried"
    return Finding(codes.PUBLISHED, "ok", where, what, evidence)


def _deaf(service: LiveService, port: PublishedPort, looks: Mapping[str, HostLook]) -> Iterator[Finding]:
    """Yield the tasks that are known not to listen."""
    for task in service.tasks:
        heard = looks[task.host].datagrams.get(task.id) if task.host in looks else None
        if heard is not None and not any(one.port == port.target and not one.address.is_loopback for one in heard):
            what = f"the task of {service.name} on {task.host} does not listen on udp port {port.target}, "
            what += f"and port {port.published} is published for it"
            said = ", ".join(sorted({str(one.port) for one in heard})) or "none"
            evidence, remedy = f"udp ports it has: {said}", f"docker service logs --tail 20 {service.name}"
            where = f"{service.name}:{port.published}/udp on {task.host}"
            yield Finding(codes.PUBLISHED, "warning", where, what, evidence, remedy)


def _not_tried(service: LiveService, port: PublishedPort) -> Finding:
    what = f"port {port.published}/{port.protocol} of {service.name} was not tried"
    why = f"nothing here speaks {port.protocol}"
    where = f"{service.name}:{port.published}/{port.protocol}"
    return Finding(codes.PUBLISHED, "warning", where, what, why, "try it by a client of that service")
