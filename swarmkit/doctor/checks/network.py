"""Addresses, ports and leftovers of networks, compared between the hosts; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from swarmkit.declared.stack.service import MTU_OPTION
from swarmkit.doctor.evidence import DEFAULT_MTU_BYTES, Evidence, HostEvidence
from swarmkit.doctor.paths import untried_by_ipv6
from swarmkit.finding import Finding
from swarmkit.plan.engines.gossip import lets_go
from swarmkit.plan.networks.ranges import overlap
from swarmkit.plan.nodes.advertised import advertise_address, made_known


def check_addresses(evidence: Evidence) -> Iterator[Finding]:
    """Yield H12 and H32: addresses of overlays' frames that are IPv6, and such as the swarm sees otherwise."""
    cluster = evidence.observed.cluster
    for host in evidence.inventory.hosts:
        declared = host.advertise_addr
        facts = evidence.hosts[host.name].facts
        node = cluster.node(facts.engine.node_id) if cluster else None
        used = host.data_path_addr or advertise_address(host, facts) or (node.address if node else "")
        link = evidence.hosts[host.name].link_of(used)
        less = (link.mtu_bytes if link else DEFAULT_MTU_BYTES) - 20
        if ":" in used and evidence.assumed_mtu > less:
            what = "over IPv6 an encrypted overlay's frames are 20 bytes larger than Docker reckons"
            remedy = f"in the stack file, for each network: driver_opts: {{{MTU_OPTION}: '{less}'}}"
            yield Finding("H12", "warning", host.name, what, used, remedy)
        # Managers list a node by the address that it comes from; peers are told the one that it advertises.
        known = facts.engine.node_addr or (node.address if node else "")
        if declared and node and declared != known and known in facts.system.addresses:
            yield Finding(
                "H32", "error", host.name, "the swarm knows it by another address than declared",
                f"declared {declared}, the swarm has {known}",
                made_known(host, facts),
            )  # fmt: skip


def check_untried(evidence: Evidence) -> Iterator[Finding]:
    """Yield H07 for each host that others reach by IPv6: no way to or from it was tried."""
    for name, address in untried_by_ipv6(evidence.inventory, evidence.observed).items():
        ports = "7946 2377" if evidence.inventory.host(name).role == "manager" else "7946"
        by_hand = " && ".join(f"nc -6 -zv -w 3 {address} {port}" for port in ports.split())
        yield Finding(
            "H07", "warning", name, f"no way between {name} and the other hosts was tried: it is reached by IPv6",
            f"{address}; packets are sent by IPv4 alone, and firewalls' rules are read for it alone",
            f"from each other host: {by_hand}; or give {name} an IPv4 address: swarm_advertise_addr: ADDRESS",
        )  # fmt: skip


def check_lost_address(host: HostEvidence) -> Iterator[Finding]:
    """Yield H57: a node whose own address is gone from its host, as after a restore elsewhere or a new lease."""
    address, system = host.facts.engine.node_addr, host.facts.system
    if host.facts.engine.swarm_state == "active" and address and address not in system.addresses:
        yield Finding(
            "H57", "error", host.name, "the swarm knows it by an address that it no longer has",
            f"the node's address is {address}, the host has {', '.join(system.addresses)}",
            f"on {host.name}: ip addr add {_place_of(host, address)}, and keep it; or: docker swarm leave; "
            "then: swarmkit up",
        )  # fmt: skip


def _place_of(host: HostEvidence, address: str) -> str:
    """Return *address* with the prefix and the device of the route it belongs to."""
    routes = [(ipaddress.ip_network(route.destination), route.device) for route in host.facts.system.routes]
    fitting = [(net, device) for net, device in routes if net.prefixlen and ipaddress.ip_address(address) in net]
    net, device = max(fitting, key=lambda route: route[0].prefixlen, default=(None, "DEVICE"))
    return f"{address}/{net.prefixlen if net else 'PREFIX'} dev {device}"


def check_swarm_ports(evidence: Evidence) -> Iterator[Finding]:
    """Yield D10: ports that a swarm needs and another process of a host, which is in no swarm yet, has taken.

    The data-path port in the kernel's own hands is no obstacle: VXLAN devices share it. An engine that left a swarm may
    keep one in a namespace beyond its restart; a device in the host's own namespace is D07's. Such an engine may also
    keep its own gossip's port, and closes it when it starts anew: `up` sees to that where no container runs.
    """
    data_path = f"{evidence.data_path_port}/udp"
    needed = ("7946/tcp", "7946/udp", data_path)
    for host in evidence.inventory.hosts:
        seen = evidence.hosts[host.name]
        wanted = ("2377/tcp", *needed) if host.role == "manager" else needed
        taken = [port for port in wanted if port in seen.listening]
        if seen.holders.get(data_path) == "":
            taken = [port for port in taken if port != data_path]
        if taken and seen.facts.engine.swarm_state == "inactive":
            whose = sorted({holder for port in taken if (holder := seen.holders.get(port))})
            is_engine = bool(whose) and all(holder.startswith("dockerd,") for holder in whose)
            is_let_go = is_engine and lets_go(seen.facts) and {*taken} <= {"7946/tcp", "7946/udp"}
            yield Finding(
                "D10", "warning" if is_let_go else "error", host.name,
                f"{'its engine' if is_engine else 'another process'} has the swarm's port {', '.join(taken)}",
                f"{'; '.join(whose) or 'something'} listens there and the host is in no swarm",
                f"on {host.name}: {_freeing(taken, is_engine=is_engine, is_let_go=is_let_go)}",
            )  # fmt: skip


def _freeing(taken: Sequence[str], *, is_engine: bool, is_let_go: bool) -> str:
    """Return what frees the ports that are *taken* on a host."""
    look = f"ss -lnp 'sport = :{taken[0].partition('/')[0]}'"
    if is_let_go:
        return "systemctl restart docker; swarmkit up does so itself, as no container runs there"
    if is_engine:
        return f"systemctl restart docker; if it is there again ({look}), a container publishes it"
    return f"{look}, then systemctl status PID for its unit, and stop that"


def check_engine_pools(evidence: Evidence) -> Iterator[Finding]:
    """Yield H28: pools of an engine's own bridge networks that run into those of the swarm's overlays."""
    cluster = evidence.observed.cluster
    pools = cluster.address_pools if cluster else evidence.inventory.address_pools
    for host in evidence.hosts.values():
        for entry in host.info.get("DefaultAddressPools") or []:
            base = ipaddress.ip_network(str(entry.get("Base")), strict=False)
            shared = [pool for pool in pools if ipaddress.ip_network(pool).overlaps(base)]
            if shared:
                yield Finding(
                    "H28", "error", host.name, f"its bridge networks and the swarm's overlays share {shared[0]}",
                    f"default-address-pools has {base}",
                    f'on {host.name}, in /etc/docker/daemon.json: "default-address-pools": '
                    f'[{{"base": "{_free_base(host, pools)}", "size": 24}}], then: systemctl restart docker',
                )  # fmt: skip


def _free_base(host: HostEvidence, pools: Iterable[str]) -> str:
    """Return the first range for an engine's own networks that neither the swarm nor a route of *host* has."""
    taken = [*pools, *(route.destination for route in host.facts.system.routes)]
    candidates = (f"172.{number}.0.0/16" for number in range(18, 32))
    return next((one for one in candidates if not any(overlap(one, other) for other in taken)), "RANGE")


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
