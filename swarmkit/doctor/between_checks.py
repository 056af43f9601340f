"""Checks that compare hosts with each other, with the swarm and with the stack; pure."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator

from swarmkit.doctor.evidence import DEFAULT_MTU_BYTES, Evidence
from swarmkit.finding import Finding
from swarmkit.observed.parse import DEFAULT_DATA_PATH_PORT
from swarmkit.plan.refusals import version_tuple

TASKS_PER_HOST_WARNING = 800
_MTU_OPTION = "com.docker.network.driver.mtu"
_LEAVE_COPY = "on the copy: docker swarm leave --force, then swarmkit up; never copy /var/lib/docker/swarm"


def check_twins(evidence: Evidence) -> Iterator[Finding]:
    """Yield H36: hardware addresses, product and node ids that two hosts share, as clones of one machine do."""
    macs = {
        name: link.mac
        for name, peer in evidence.peers.items()
        if (link := evidence.hosts[name].link_of(peer.data)) and link.mac
    }
    uuids = {name: host.kernel.get("product_uuid", "") for name, host in evidence.hosts.items()}
    nodes = {name: host.facts.engine.node_id for name, host in evidence.hosts.items()}
    for what, values, remedy in (
        ("MAC address", macs, "give each virtual machine a hardware address of its own"),
        ("product id", uuids, "make the virtual machine anew instead of copying it"),
        (
            "node id",
            nodes,
            "on the copy: docker swarm leave --force, then swarmkit up; never copy /var/lib/docker/swarm",
        ),
    ):
        names = defaultdict(list)
        for name, value in values.items():
            names[value].append(name)
        for value, same in names.items():
            if value and len(same) > 1:
                yield Finding("H36", "error", ", ".join(same), f"these hosts have the same {what}", value, remedy)


def check_earlier_nodes(evidence: Evidence) -> Iterator[Finding]:
    """Yield H52: nodes that a host left behind."""
    cluster = evidence.observed.cluster
    live = {host.facts.engine.node_id: name for name, host in evidence.hosts.items()}
    ready = {node.hostname for node in cluster.nodes if node.id in live} if cluster else set()
    for node in cluster.nodes if cluster else ():
        if node.state == "down" and node.id not in live and node.hostname in ready:
            yield Finding(
                "H52", "warning", node.hostname, "an earlier node of this host is still listed as down",
                f"node {node.id}", f"docker node rm {node.id}",
            )  # fmt: skip


def check_mtus(evidence: Evidence) -> Iterator[Finding]:
    """Yield H11 and H13: links smaller than what Docker assumes, and sizes that differ between hosts."""
    mtus = evidence.mtus
    networks = evidence.stack.networks if evidence.stack else ()
    is_set = bool(networks) and all(_MTU_OPTION in network.driver_options for network in networks)
    if len(set(mtus.values())) > 1:
        sizes = ", ".join(f"{name}: {mtu}" for name, mtu in mtus.items())
        what = "the hosts' data links have different MTUs: large frames get lost in one direction"
        yield Finding(
            "H13",
            "error",
            ", ".join(mtus),
            what,
            sizes,
            f"on the hosts with the larger MTU: ip link set dev DEVICE mtu {min(mtus.values())}",
        )
    smallest = min(mtus.values(), default=DEFAULT_MTU_BYTES)
    if smallest < DEFAULT_MTU_BYTES and not is_set:
        small = [name for name, mtu in mtus.items() if mtu < DEFAULT_MTU_BYTES]
        what = f"overlays assume links of {DEFAULT_MTU_BYTES} bytes: large payloads will hang, small ones pass"
        remedy = f"in the stack file, for each network: driver_opts: {{{_MTU_OPTION}: '{smallest}'}}"
        yield Finding("H11", "error", ", ".join(small), what, f"the smallest MTU is {smallest} bytes", remedy)


def check_versions(evidence: Evidence) -> Iterator[Finding]:
    """Yield H08, H22 and H42: engine versions that fail with these settings or with each other."""
    for name, host in evidence.hosts.items():
        version = version_tuple(host.facts.engine.version)
        deaf = version < (23, 0, 7) or (24,) <= version < (24, 0, 3)
        if evidence.data_path_port != DEFAULT_DATA_PATH_PORT and deaf:
            yield Finding(
                "H08", "error", name, "its engine encrypts port 4789 alone, whatever the data-path port",
                f"engine {host.facts.engine.version}, data-path port {evidence.data_path_port}",
                "upgrade to 23.0.7, 24.0.3 or newer, or leave swarm_data_path_port out",
            )  # fmt: skip
    stores = {name: host.facts.engine.content_store for name, host in evidence.hosts.items()}
    if len(set(stores.values())) > 1:
        told = ", ".join(f"{name}: {'containerd' if new else 'graph driver'}" for name, new in stores.items())
        what = "the engines keep images in different stores: image ids differ between hosts"
        yield Finding("H42", "warning", ", ".join(stores), what, told, "compare images by digest, never by id")


def check_addresses(evidence: Evidence) -> Iterator[Finding]:
    """Yield H12, H32 and H33: advertised addresses that are IPv6, that the swarm sees otherwise, or that are public."""
    cluster = evidence.observed.cluster
    for host in evidence.inventory.hosts:
        declared = host.advertise_addr
        facts = evidence.hosts[host.name].facts
        node = cluster.node(facts.engine.node_id) if cluster else None
        address = declared or host.address
        if declared and ":" in declared:
            what = "over IPv6 an encrypted overlay's frames are 20 bytes larger than Docker reckons"
            remedy = "set com.docker.network.driver.mtu to the link's MTU less 20"
            yield Finding("H12", "warning", host.name, what, declared, remedy)
        if declared and node and declared != node.address and node.address in facts.system.addresses:
            yield Finding(
                "H32", "error", host.name, "the swarm knows it by another address than declared",
                f"declared {declared}, the swarm has {node.address}",
                f"swarmkit node drain {host.name}, docker swarm leave there, then swarmkit up",
            )  # fmt: skip
        if _is_public(address):
            what = "its swarm ports are on a public address: 2377, 7946 and the data path listen on every interface"
            remedy = "admit the peers' addresses alone to these ports, or advertise a private address"
            yield Finding("H33", "warning", host.name, what, address, remedy)


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def check_managers(evidence: Evidence) -> Iterator[Finding]:
    """Yield H54: managers that do not answer; how many more may fail is told.

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
            "bring them back: swarmkit status",
        )  # fmt: skip


def check_leftovers(evidence: Evidence) -> Iterator[Finding]:
    """Yield H64: swarm networks on hosts that are in no swarm."""
    for network in evidence.networks:
        state = evidence.hosts[network.host].facts.engine.swarm_state
        if state == "inactive" and network.scope == "swarm":
            yield Finding(
                "H64", "warning", network.host, f"network {network.name} is left from an earlier swarm",
                f"{network.driver}, {', '.join(network.subnets)}",
                f"on {network.host}: docker network rm {network.name}, or if that is refused: systemctl restart docker",
            )  # fmt: skip


def check_published_ports(evidence: Evidence) -> Iterator[Finding]:
    """Yield H80: ports a service of the stack publishes and a process of a host has already."""
    cluster, stack = evidence.observed.cluster, evidence.stack
    if stack is None:
        return
    live = {service.name for service in cluster.services} if cluster else set()
    for service in stack.services:
        if f"{stack.name}_{service.name}" in live:
            continue
        for port in service.ports:
            where = [
                name for name, host in evidence.hosts.items() if f"{port.published}/{port.protocol}" in host.listening
            ]
            if port.published and where:
                what = f"port {port.published}/{port.protocol} of {service.name} is taken"
                yield Finding(
                    "H80", "error", ", ".join(where), what,
                    "a process of the host or another service listens there",
                    f"on {where[0]}: ss -lnp 'sport = :{port.published}'",
                )  # fmt: skip


def check_load(evidence: Evidence) -> Iterator[Finding]:
    """Yield H19: more containers a host than overlays are stable with."""
    if evidence.stack is None:
        return
    tasks = sum(service.deploy.replicas for service in evidence.stack.services if service.deploy.mode == "replicated")
    share = tasks / max(1, len(evidence.hosts))
    if share > TASKS_PER_HOST_WARNING:
        what = "the stack has more tasks a host than overlay networks are stable with"
        yield Finding(
            "H19", "warning", evidence.stack.name, what,
            f"{tasks} tasks on {len(evidence.hosts)} hosts; Docker names 1000 a host as the limit", "add hosts",
        )  # fmt: skip
