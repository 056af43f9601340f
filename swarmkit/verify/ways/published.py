"""Proofs of published ports: they answer on every node, from every host; from here it is told only."""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Host
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.reach.retry import wait_until
from swarmkit.verify import codes
from swarmkit.verify.encryption.firewall import forwarded_ports
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.live import Live
from swarmkit.verify.probe.look import HOST_NAMESPACE, HostLook
from swarmkit.verify.probe.probes import Connect
from swarmkit.verify.probe.probing import Result
from swarmkit.verify.silence import NONE, Silence
from swarmkit.verify.ways.dropped_requests import with_dropping_rule

FROM_HERE_TIMEOUT_SECONDS = 2.0
FROM_HERE_PATIENCE_SECONDS = 3.0
NO_RULE = "no rule of"


@dataclass(frozen=True)
class Publication:
    """A service's port on a node."""

    service: str
    port: int
    host: str
    address: str
    mode: str


def ready_addresses(cluster: ClusterState, observed: Observed) -> dict[str, str]:
    """Return by host the IPv4 addresses of the nodes that are ready."""
    return {
        name: node.address
        for name, facts in observed.hosts.items()
        if (node := cluster.node(facts.engine.node_id)) and node.state == "ready" and ":" not in node.address
    }


def publications(live: Live, addresses: Mapping[str, str]) -> tuple[Publication, ...]:
    """Return where TCP ports shall answer: ingress ports on every host of *addresses*, host-mode ports with a task."""
    return tuple(
        Publication(service.name, port.published, host, address, port.mode)
        for service in live.services
        for port in service.ports
        for host, address in addresses.items()
        if port.published
        and port.protocol == "tcp"
        and service.tasks
        and (port.mode == "ingress" or any(task.host == host for task in service.tasks))
    )


def prove_published(
    published: Iterable[Publication],
    looks: Mapping[str, HostLook],
    results: Mapping[str, Iterable[Result]],
    addresses: Mapping[str, str],
    silence: Silence = NONE,
) -> Iterator[Finding]:
    """Prove that each publication answers to every host that asked, one finding for each service, port and node.

    *addresses* are those that the hosts ask from.
    """
    answers = {
        (host, result.probe.address, result.probe.port): result
        for host, of_host in results.items()
        for result in of_host
        if isinstance(result.probe, Connect) and result.probe.path is None
    }
    for publication in published:
        asked = {host: answers.get((host, publication.address, publication.port)) for host in results}
        silent = {host: result for host, result in asked.items() if result is None or not result.holds}
        wrong = [f"from {host}: {result.answer if result else 'not asked'}" for host, result in silent.items()]
        if publication.mode == "ingress":
            wrong += _not_forwarded(publication, looks.get(publication.host))
        finding = _finding(publication, wrong, asked)
        if silent:
            where = publication.host, looks.get(publication.host), publication.address, publication.port
            finding = with_dropping_rule(finding, *where, [addresses[host] for host in silent if host in addresses])
        # A node takes its rules away itself when gossip gives up the last task that they would lead to.
        has_no_rule = NO_RULE in finding.evidence and not silence.has_all_of(publication.service)
        is_lost = finding.severity != "ok" and silence.tasks_of(publication.service) and not has_no_rule
        yield silence.following(finding) if is_lost else finding


def _not_forwarded(publication: Publication, seen: HostLook | None) -> Iterator[str]:
    if seen is None:
        # Whatever its rules are: what is wrong there is told of the host.
        return
    try:
        forwarded = forwarded_ports(seen.nat)
    except UnreadableError as error:
        yield str(error)
        return
    if publication.port not in forwarded:
        yield f"{NO_RULE} {publication.host} leads port {publication.port} into the ingress network"


def probes_of(published: Iterable[Publication]) -> list[Connect]:
    return [Connect(None, HOST_NAMESPACE, entry.address, entry.port, "published") for entry in published]


def _finding(publication: Publication, wrong: list[str], asked: Collection[str]) -> Finding:
    endpoint = f"{publication.address}:{publication.port}"
    where = f"{publication.service} at {publication.host}"
    if wrong or not asked:
        return Finding(
            codes.PUBLISHED,
            "error",
            where,
            f"{publication.service} does not answer on {endpoint}, or not to every host",
            evidence="; ".join(wrong) or "no host could ask",
            remedy=f"docker service ps {publication.service}; if it runs, on {publication.host}: "
            "systemctl restart docker (makes its forwarding rules anew); what it may lack, such as IPVS: "
            "swarmkit doctor",
        )
    what = f"{publication.service} answers on {endpoint}"
    return Finding(codes.PUBLISHED, "ok", where, what, evidence=f"asked from {', '.join(asked)}")


def answers_here(host: Host, port: int, patience_seconds: float) -> Finding:
    """Tell whether the port answers at the host's SSH address from here; if not, it is no fault of the swarm.

    For *patience_seconds* it is asked again: what forwards to a port published a moment ago may still be on its way.
    """
    endpoint = f"{host.address}:{port}"
    error = wait_until(
        lambda: _connect_error(host.address, port), lambda error: error is None, timeout_seconds=patience_seconds
    )
    if error is None:
        return Finding(codes.PUBLISHED_HERE, "ok", host.name, f"from here {endpoint} answers")
    return Finding(
        codes.PUBLISHED_HERE,
        "warning",
        host.name,
        f"from here {endpoint} does not answer",
        evidence=str(error),
        remedy="only if it shall be reached from here: open it in the firewalls between here and the host",
    )


def _connect_error(address: str, port: int) -> OSError | None:
    try:
        socket.create_connection((address, port), timeout=FROM_HERE_TIMEOUT_SECONDS).close()
    except OSError as error:
        return error
    return None
