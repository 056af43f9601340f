"""Proofs from outside: a TCP port that containers listen on, and that nothing publishes, answers on no host's address.

Pure but for the connections that are tried from where swarmkit runs.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.declared.inventory.addresses import is_loopback
from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.reach.fan_out import fan_out
from swarmkit.verify import codes
from swarmkit.verify.encryption.firewall import host_mode_ports
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.live import Live
from swarmkit.verify.probe.look import HOST_NAMESPACE, HostLook
from swarmkit.verify.probe.probes import NotConnect
from swarmkit.verify.probe.probing import Result
from swarmkit.verify.ways.led_past import led_past

FROM_HERE_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Closed:
    """A port that shall not answer at a host's address."""

    host: str
    address: str
    port: int
    services: tuple[str, ...]
    """Whose containers listen on it, or on *inner*."""
    inner: int
    """The port of theirs, where a rule leads there; else the same."""


def closed_ports(
    live: Live, cluster: ClusterState, observed: Observed, looks: Mapping[str, HostLook]
) -> tuple[Closed, ...]:
    """Return for each node the ports on which containers anywhere listen and nothing of that node's own does.

    Those too that a rule of its firewall, not Docker's, leads to a port on which containers listen.
    """
    listening: dict[int, set[str]] = {}
    for service in live.services:
        for task in service.tasks:
            heard = looks[task.host].listeners.get(task.id, ()) if task.host in looks else ()
            for listener in heard:
                if not listener.address.is_loopback:
                    listening.setdefault(listener.port, set()).add(service.name)
    found: list[Closed] = []
    for host, seen in looks.items():
        node = cluster.node(observed.hosts[host].engine.node_id)
        own = {listener.port for listener in seen.own_listeners} | _led_by_docker(seen.nat)
        led = led_past(seen.nat, observed.hosts[host].system.routes)
        inner = {port: port for port in listening} | {port: to for port, to in led.items() if to in listening}
        if node is not None and ":" not in node.address:
            ports = sorted(inner.keys() - live.published - own)
            found += [
                Closed(host, node.address, port, tuple(sorted(listening[inner[port]])), inner[port]) for port in ports
            ]
    return tuple(found)


def _led_by_docker(rules: str) -> frozenset[int]:
    try:
        return host_mode_ports(rules, "tcp")
    except UnreadableError:  # told by V06
        return frozenset()


def closed_probes(host: str, closed: Iterable[Closed]) -> list[NotConnect]:
    """Return what *host* tries: every other host."""
    return [NotConnect(HOST_NAMESPACE, entry.host, entry.address, entry.port) for entry in closed if entry.host != host]


def answering_here(closed: Iterable[Closed], inventory: Inventory) -> frozenset[tuple[str, int]] | None:
    """Return the ports that answer from here at the hosts' SSH addresses; None where none of those can be tried.

    A loopback address is a way to the host that ends on this machine: what answers there may be this machine's own.
    """
    addresses = {host.name: host.address for host in inventory.hosts if not is_loopback(host.address)}
    tried = [(entry.host, entry.port) for entry in closed if entry.host in addresses]
    if not tried:
        return None
    answers = fan_out(tried, lambda where: _answers(addresses[where[0]], where[1]))
    return frozenset(where for where, answer in answers.items() if answer is True)


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=FROM_HERE_TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True


def prove_unpublished(
    closed: Iterable[Closed],
    results: Mapping[str, Iterable[Result]],
    here: frozenset[tuple[str, int]] | None,
) -> Iterator[Finding]:
    """Prove for each node that it answers on none of the ports, one finding for each that does."""
    answered: dict[tuple[str, int], list[str]] = {where: ["here"] for where in here or ()}
    asked: dict[str, list[str]] = {}
    for host, of_host in results.items():
        for result in of_host:
            if isinstance(result.probe, NotConnect) and result.is_asked:
                asked.setdefault(result.probe.target, []).append(host)
                if result.answer == "ok":
                    answered.setdefault((result.probe.target, result.probe.port), []).append(host)
    by_host: dict[str, list[Closed]] = {}
    for entry in closed:
        by_host.setdefault(entry.host, []).append(entry)
    for host, entries in by_host.items():
        wrong = [entry for entry in entries if (host, entry.port) in answered]
        for entry in wrong:
            yield _answering(entry, answered[host, entry.port])
        # That nothing answers on a host which answers nobody proves nothing.
        if not wrong and host in results and (host in asked or here is not None):
            what = f"{host} answers on no TCP port that containers listen on and nothing publishes"
            froms = [*dict.fromkeys(asked.get(host, ())), *(["here"] if here is not None else [])]
            ports = ", ".join(str(entry.port) for entry in entries)
            yield Finding(codes.OUTSIDE, "ok", f"{host} from outside", what, f"tried {ports} from {', '.join(froms)}")


def _answering(entry: Closed, froms: list[str]) -> Finding:
    what = f"port {entry.port} of {entry.host} answers, and nothing publishes it"
    where = "it" if entry.inner == entry.port else f"{entry.inner}, where a rule of {entry.host} leads it"
    listening = f"containers of {', '.join(entry.services)} listen on {where}"
    evidence = f"{entry.address}:{entry.port} takes connections from {', '.join(froms)}; {listening}"
    remedy = f"on {entry.host}: iptables -w -t nat -S | grep -e '--dport {entry.port} ' (what leads there)"
    return Finding(codes.OUTSIDE, "error", f"{entry.host}:{entry.port}", what, evidence, remedy)
