"""What the swarm tells of its nodes, and when their certificates end; pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from swarmkit.doctor.evidence import Evidence, HostEvidence
from swarmkit.finding import Finding
from swarmkit.observed.certificates import rejoin_remedy, validity
from swarmkit.plan.nodes.absent import absent_nodes
from swarmkit.plan.nodes.returning import earlier_nodes
from swarmkit.plan.nodes.unfinished_joins import is_unfinished

_CA_DUE = datetime.timedelta(days=180)


def check_earlier_nodes(evidence: Evidence) -> Iterator[Finding]:
    """Yield H52: nodes that a host left behind, and hosts that left one behind and are in no swarm."""
    cluster = evidence.observed.cluster
    earlier = earlier_nodes(evidence.inventory, evidence.observed)
    for name, host in evidence.hosts.items():
        left = [node_id for node_id, was in earlier.items() if was == name]
        if left and host.facts.engine.swarm_state == "inactive":
            yield Finding(
                "H52", "warning", name, f"{name} is in no swarm, and what it was before is still listed as down",
                f"node {', '.join(left)}", f"let it take its place again: swarmkit node replace {name}",
            )  # fmt: skip
    live = {host.facts.engine.node_id: name for name, host in evidence.hosts.items()}
    ready = {node.hostname for node in cluster.nodes if node.id in live} if cluster else set()
    for node in cluster.nodes if cluster else ():
        if node.state == "down" and node.id not in live and node.hostname in ready:
            yield Finding(
                "H52", "warning", node.hostname, "an earlier node of this host is still listed as down",
                f"node {node.id}", f"docker node rm {node.id}",
            )  # fmt: skip


def check_strangers(evidence: Evidence) -> Iterator[Finding]:
    """Yield H63: nodes that are no host of the inventory; whoever has a join token can be one."""
    cluster = evidence.observed.cluster
    known = {host.facts.engine.node_id for host in evidence.hosts.values()}
    names = {host.facts.system.hostname for host in evidence.hosts.values()}
    # The node that one of these hosts was, and is no more when its engine keeps its state elsewhere now.
    addresses = {address for host in evidence.hosts.values() for address in host.facts.system.addresses}
    absent = absent_nodes(evidence.inventory, evidence.observed)
    unread = {address for host in evidence.unread for address in (host.name, host.address, host.advertise_addr)}
    for node in cluster.nodes if cluster else ():
        if {node.hostname, node.address} & unread:
            continue
        is_earlier = node.hostname in names and (node.state == "down" or node.address in addresses)
        if node.id not in known and not is_earlier:
            what = "a node of the swarm is no host of the inventory"
            remedy = "add it to the inventory; or: swarmkit up --remove-nodes, then swarmkit rotate tokens"
            if host := absent.get(node.id):
                what = f"a node of the swarm is host {host}, which the inventory has absent"
                remedy = "swarmkit up"
            elif is_unfinished(node):
                what, remedy = "the entry of a join that never ended is left", "swarmkit up"
            seen = f"node {node.id}, {node.role}, {node.state}, {node.address}"
            yield Finding("H63", "warning", node.name, what, seen, remedy)


def check_managers(evidence: Evidence) -> Iterator[Finding]:
    """Yield H54 and H51: managers that do not answer, and numbers of them that gain nothing.

    A warning: the others have their quorum, or nobody would tell; what mends it, a host that joins again, must not be
    refused for it.
    """
    cluster = evidence.observed.cluster
    managers = [node for node in cluster.nodes if node.role == "manager"] if cluster else []
    lost = [node for node in managers if node.reachability != "reachable"]
    if lost:
        left = len(managers) - len(lost) - (len(managers) // 2 + 1)
        yield Finding(
            "H54", "warning", ", ".join(node.hostname for node in lost), "managers of the swarm do not answer",
            f"{len(lost)} of {len(managers)} managers; {max(left, 0)} more may fail",
            f"on {', '.join(node.hostname for node in lost)}: systemctl start docker; which way is closed: swarmkit "
            "doctor; how it stands then: swarmkit status",
        )  # fmt: skip
    declared = evidence.managers_declared
    if declared % 2 == 0:
        yield Finding(
            "H51", "warning", "swarm", f"{declared} managers bear the loss of no more than {declared - 1} would",
            f"{declared} managers in the inventory", f"declare {declared - 1} or {declared + 1} managers",
        )  # fmt: skip


def check_certificates(host: HostEvidence, now: datetime.datetime) -> Iterator[Finding]:
    """Yield H35: certificates, the node's or the swarm's own, that have ended or end before they are renewed."""
    if found := validity(host.certificate("swarm-node.crt")):
        if now > found.end:
            remedy = rejoin_remedy(host.name)
            yield Finding("H35", "error", host.name, "its swarm certificate has ended", str(found), remedy)
        elif found.is_overdue(now):
            yield Finding(
                "H35", "warning", host.name, "its swarm certificate ends soon and was not renewed when it was due",
                str(found), "see that the node reaches a manager's port 2377, then: docker swarm ca --rotate",
            )  # fmt: skip
    if (found := validity(host.certificate("swarm-root-ca.crt"))) and found.end - now < _CA_DUE:
        yield Finding(
            "H35", "warning", host.name, "the certificate of the swarm's authority ends soon",
            f"valid to {found.end:%Y-%m-%d %H:%M} UTC", "swarmkit rotate ca",
        )  # fmt: skip
