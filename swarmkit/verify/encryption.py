"""Proofs of encryption for each network: declared, in kernel and firewall of each host, and counted; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

from swarmkit.declared.host import Inventory
from swarmkit.declared.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import NetworkState
from swarmkit.verify import codes
from swarmkit.verify.esp import Esp, prove_direction, prove_no_errors, traffic
from swarmkit.verify.firewall import dropped_vnis, marked_vnis
from swarmkit.verify.live import Live
from swarmkit.verify.look import HostLook
from swarmkit.verify.wire import vnis_of
from swarmkit.verify.xfrm import UnreadableError


@dataclass(frozen=True)
class Evidence:
    """What was read of all hosts that could be looked at."""

    looks: Mapping[str, HostLook]
    esp: Esp
    data_path_port: int


def encrypted_hosts(live: Live) -> frozenset[str]:
    """Return the hosts that carry an encrypted network."""
    encrypted = (network for network in live.networks.values() if network.encrypted)
    return frozenset(host for network in encrypted for host in live.carriers(network.id))


def prove_options(live: Live, inventory: Inventory, stack: Stack | None) -> Iterator[Finding]:
    """Prove that each network that shall be encrypted was made so, and tell which are in clear by declaration."""
    declared = {network.name: network for network in stack.networks} if stack else {}
    for network in live.networks.values():
        if network.encrypted:
            continue
        wish = declared.get(network.name)
        reason = wish.plaintext_reason if wish else None
        required = wish is not None and (wish.encrypted or (inventory.overlay_encryption == "required" and not reason))
        if required:
            what = f"network {network.name} is not encrypted and shall be; an existing network cannot be changed"
            remedy = f"remove its services, then: docker network rm {network.name} && swarmkit up"
            yield Finding(codes.ENCRYPTED_OPTION, "error", network.name, what, remedy=remedy)
        else:
            what = f"network {network.name} is not encrypted: its traffic crosses between hosts in clear"
            yield Finding(codes.ENCRYPTED_OPTION, "warning", network.name, what, evidence=reason or "not asked for")


def prove_encryption(live: Live, evidence: Evidence) -> Iterator[Finding]:
    """Prove for each encrypted network and pair of hosts that carry it that its traffic is encrypted."""
    networks = [network for network in live.networks.values() if network.encrypted]
    pairs = {pair for network in networks for pair in permutations(live.carriers(network.id), 2)}
    directions = {
        pair: list(prove_direction(evidence.esp, *pair)) for pair in sorted(pairs) if _both_read(evidence, pair)
    }
    rules = {
        (network.id, host): list(_firewall(network, host, evidence))
        for network in networks
        for host in live.carriers(network.id)
        if host in evidence.looks
    }
    for findings in (*directions.values(), *rules.values()):
        yield from findings
    for host, ipsec in evidence.esp.hosts.items():
        yield from prove_no_errors(host, ipsec)
    for network in networks:
        yield from _verdicts(network, live.carriers(network.id), evidence, directions, rules)


def _both_read(evidence: Evidence, pair: tuple[str, ...]) -> bool:
    return all(host in evidence.esp.hosts for host in pair)


def _verdicts(
    network: NetworkState,
    carriers: tuple[str, ...],
    evidence: Evidence,
    directions: Mapping[tuple[str, str], list[Finding]],
    rules: Mapping[tuple[str, str], list[Finding]],
) -> Iterator[Finding]:
    if len(carriers) == 1 and not rules.get((network.id, carriers[0]), [None]):
        what = f"network {network.name} is carried by {carriers[0]} alone: nothing of it leaves that host"
        yield Finding(codes.ENCRYPTION, "ok", network.name, what, evidence="and clear frames for it are dropped there")
    for pair in combinations(carriers, 2):
        where = f"{pair[0]} <-> {pair[1]}"
        if not _both_read(evidence, pair):
            what = (
                f"the encryption of {network.name} between {pair[0]} and {pair[1]} is not proved: a host was not read"
            )
            yield Finding(codes.ENCRYPTION, "error", where, what, remedy="first do what the findings of the host say")
        elif not any(
            (*directions[pair], *directions[pair[1], pair[0]], *(f for host in pair for f in rules[network.id, host]))
        ):
            yield Finding(
                codes.ENCRYPTION,
                "ok",
                where,
                f"network {network.name} is encrypted between {pair[0]} and {pair[1]}, and clear frames are dropped",
                evidence=traffic(evidence.esp, pair),
            )


def _firewall(network: NetworkState, host: str, evidence: Evidence) -> Iterator[Finding]:
    try:
        missing = _missing_rules(network, evidence.looks[host], evidence.data_path_port)
    except UnreadableError as error:
        missing = [str(error)]
    if missing:
        yield Finding(
            codes.FIREWALL,
            "error",
            f"{network.name} on {host}",
            f"the firewall of {host} does not keep {network.name} encrypted",
            evidence="; ".join(missing),
            remedy=f"on {host}: sudo systemctl restart docker",
        )


def _missing_rules(network: NetworkState, seen: HostLook, port: int) -> list[str]:
    vnis = vnis_of(network)
    if not vnis:
        return [f"the engine does not tell the VXLAN number of {network.name}"]
    marked, dropped = marked_vnis(seen.mangle, port), dropped_vnis(seen.input, port)
    missing = []
    for vni in vnis:
        if vni not in marked:
            missing.append(f"no rule in mangle OUTPUT marks VNI {vni}: its frames leave in clear")
        if vni not in dropped:
            missing.append(f"no rule in INPUT drops clear frames of VNI {vni}")
        elif dropped[vni]:
            missing.append(f"clear frames of VNI {vni} are accepted before the rule that drops them: {dropped[vni][0]}")
    return missing


def prove_ingress(live: Live) -> Iterator[Finding]:
    """Tell whether published ports' traffic between hosts is encrypted; only where a port is published by ingress."""
    published = sorted(
        f"{service.name}:{port.published}"
        for service in live.services
        for port in service.ports
        if port.mode == "ingress"
    )
    if not published or live.ingress is None:
        return
    ports = ", ".join(published)
    if live.ingress.encrypted:
        what = "the ingress network was made with the option encrypted; its traffic was not counted"
        yield Finding(codes.INGRESS, "ok", live.ingress.name, what, evidence=ports)
        return
    yield Finding(
        codes.INGRESS,
        "warning",
        live.ingress.name,
        "a request to a published port crosses in clear from the host it arrives at to the host that answers it",
        evidence=f"the network {live.ingress.name} is not encrypted; published: {ports}",
        remedy="speak TLS on the published port, or publish with mode: host",
    )
