"""Proofs of encryption for each network: in kernel and firewall of each host, and counted; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import NetworkState
from swarmkit.verify import codes
from swarmkit.verify.encryption.accepting import is_queued
from swarmkit.verify.encryption.as_answer import prove_first_packets
from swarmkit.verify.encryption.esp import Esp, prove_direction, prove_no_errors
from swarmkit.verify.encryption.firewall import dropped_vnis, marked_vnis
from swarmkit.verify.encryption.marking import unmarked
from swarmkit.verify.encryption.wire import vnis_of
from swarmkit.verify.encryption.xfrm import UnreadableError
from swarmkit.verify.live import Live
from swarmkit.verify.probe.look import HostLook


@dataclass(frozen=True)
class Evidence:
    """What was read of all hosts that could be looked at."""

    looks: Mapping[str, HostLook]
    esp: Esp
    data_path_port: int


def encrypted_hosts(live: Live) -> frozenset[str]:
    """Return the hosts that carry an encrypted network."""
    return frozenset(host for network in live.encrypted for host in live.carriers(network.id))


@dataclass(frozen=True)
class Kernels:
    """What kernels and firewalls lack: nothing found is a proof; what is not in here was not read."""

    directions: Mapping[tuple[str, str], tuple[Finding, ...]]
    """(source, destination) by host name."""
    rules: Mapping[tuple[str, str], tuple[Finding, ...]]
    """(network ID, host)."""

    @property
    def ruled(self) -> frozenset[str]:
        """Return the hosts of whose rules something is told."""
        return frozenset(host for (_, host), found in self.rules.items() if found)


def look_into_kernels(live: Live, evidence: Evidence, looked_at: Live) -> Kernels:
    """Find what lacks for each pair of hosts and each host that carries an encrypted network.

    Rules were read at the look: they are those of *looked_at*, though a task has ended since, as one does without them.
    """
    pairs = {way for network in live.encrypted for pair in live.pairs(network.id) for way in (pair, pair[::-1])}
    rules = {
        (network.id, host): tuple(_firewall(network, host, evidence, looked_at.carriers(network.id)))
        for network in looked_at.encrypted
        for host in looked_at.carriers(network.id)
        if host in evidence.looks
    }
    ruled = Kernels({}, rules).ruled
    directions = {
        pair: tuple(_direction(pair, evidence, is_ruled=pair[0] in ruled))
        for pair in sorted(pairs)
        if all(host in evidence.esp.hosts for host in pair)
    }
    return Kernels(directions, rules)


def _direction(pair: tuple[str, str], evidence: Evidence, *, is_ruled: bool) -> Iterator[Finding]:
    firewalls = {host: evidence.looks[host].firewalls for host in pair}
    now = tuple(prove_direction(evidence.esp, *pair, firewalls, is_ruled=is_ruled))
    rules = {host: evidence.looks[host].rules for host in pair}
    yield from now or prove_first_packets(evidence.esp, *pair, rules, firewalls)


def prove_kernels(kernels: Kernels, evidence: Evidence) -> Iterator[Finding]:
    """Yield all that kernels and firewalls lack, and the errors that they counted."""
    for findings in (*kernels.directions.values(), *kernels.rules.values()):
        yield from findings
    for host, ipsec in evidence.esp.hosts.items():
        yield from prove_no_errors(host, ipsec)


def _firewall(network: NetworkState, host: str, evidence: Evidence, carriers: Sequence[str]) -> Iterator[Finding]:
    remedy = "systemctl restart docker"
    read = evidence.esp.hosts
    ways = [evidence.esp.ends(host, peer) for peer in carriers if peer != host and {host, peer} <= read.keys()]
    try:
        missing, moves = _missing_rules(network, evidence.looks[host], evidence.data_path_port, [*filter(None, ways)])
        if len(moves) == len(missing):
            remedy = " && ".join(moves)
    except UnreadableError as error:
        missing = [str(error)]
    if missing:
        yield Finding(
            codes.FIREWALL,
            "error",
            f"{network.name} on {host}",
            f"the firewall of {host} does not keep {network.name} encrypted",
            evidence="; ".join(missing),
            remedy=f"on {host}: {remedy}",
        )


def _missing_rules(
    network: NetworkState, seen: HostLook, port: int, ways: Sequence[tuple[str, str]]
) -> tuple[list[str], list[str]]:
    """Return what lacks, and for what lacks nothing but its place the commands that move it there.

    *ways*: the addresses between which the host sends frames.
    """
    vnis = vnis_of(network)
    if not vnis:
        return [f"the engine does not tell the VXLAN number of {network.name}"], []
    marked, dropped = marked_vnis(seen.mangle, port), dropped_vnis(seen.input, port)
    missing, moves = [], []
    # A host gets link and rules of a subnet with its first container there (moby libnetwork/drivers/overlay, Join);
    # without the link nothing of that number leaves or enters.
    linked = [vni for vni in vnis if vni in seen.links.get(network.id, ())]
    for vni in linked or vnis:
        if vni not in marked:
            missing.append(f"no rule in mangle OUTPUT marks VNI {vni}: its frames leave in clear")
        elif other := unmarked(seen.rules, marked[vni], port, ways):
            missing.append(other.told(vni))
            moves.append(other.remedy)
        if vni not in dropped:
            missing.append(f"no rule in INPUT drops clear frames of VNI {vni}")
        elif before := dropped[vni].accepted_before:
            missing.append(_let_in(vni, before[0]))
            moves.append(dropped[vni].to_the_top)
    return missing, moves


def _let_in(vni: int, rule: str) -> str:
    frames = f"clear frames of VNI {vni}"
    if is_queued(rule):
        return f"that {frames} are dropped is not proved: before that rule a program gets them, and may accept: {rule}"
    return f"{frames} are accepted before the rule that drops them: {rule}"


def prove_ingress(live: Live, inventory: Inventory) -> Iterator[Finding]:
    """Tell whether published ports' traffic between hosts is encrypted; only where a port is published by ingress, or
    where the inventory asks for it."""
    published = live.ingress_ports
    if inventory.encrypt_ingress and (live.ingress is None or not live.ingress.encrypted):
        yield _ingress_in_clear(live.ingress, published)
        return
    if not published or live.ingress is None:
        return
    ports = ", ".join(published)
    if live.ingress.encrypted:
        what = "the ingress network is encrypted: its traffic between hosts is proved as that of other networks"
        yield Finding(codes.INGRESS, "ok", live.ingress.name, what, evidence=ports)
        return
    yield Finding(
        codes.INGRESS,
        "warning",
        live.ingress.name,
        "a request to a published port crosses in clear from the host it arrives at to the host that answers it",
        evidence=f"the network {live.ingress.name} is not encrypted; published: {ports}",
        remedy="speak TLS on the published port, publish with mode: host, or write swarm_encrypt_ingress: true into "
        "the inventory: swarmkit up then says how ingress is made anew, encrypted",
    )


def _ingress_in_clear(ingress: NetworkState | None, published: Sequence[str]) -> Finding:
    what = "swarm_encrypt_ingress is declared, and the ingress network is not encrypted"
    evidence = f"published: {', '.join(published) or 'nothing yet'}"
    if ingress is None:
        what = "swarm_encrypt_ingress is declared, and there is no ingress network"
        evidence = "no port can be published"
    remedy = "swarmkit up, which makes it, or says what to do before"
    return Finding(codes.INGRESS, "error", ingress.name if ingress else "ingress", what, evidence, remedy)
