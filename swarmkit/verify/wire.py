"""Proofs on the cable: while the probes run, ESP crosses between two hosts and no frame of a VNI in clear; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from swarmkit.declared.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import NetworkState, Observed
from swarmkit.verify import codes
from swarmkit.verify.live import Live

VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
_DEVICE = re.compile(r"[A-Za-z0-9.:-]+", re.ASCII)


@dataclass(frozen=True)
class Frames:
    """Frames that a host's interface sent to an address and received from it."""

    sent: int
    received: int


@dataclass(frozen=True)
class Wire:
    """What one host saw on its data interface while the probes ran; by the peer's address."""

    esp: Mapping[str, Frames]
    clear: Mapping[tuple[str, int], Frames]
    """(peer's address, VNI) -> frames that should not have been."""
    lost: str = ""
    """Why nothing was seen."""


def vnis_of(network: NetworkState) -> list[int]:
    """Return the VXLAN numbers of an overlay network."""
    return [int(vni) for vni in network.options.get(VNI_OPTION, "").split(",") if vni]


def wire_wish(
    host: str, live: Live, inventory: Inventory, observed: Observed, peers: Mapping[str, frozenset[str]], port: int
) -> str | None:
    """Return what *host* shall watch, as a line for probe.sh; None where no interface is known."""
    networks = [network for network in live.networks.values() if network.encrypted]
    vnis = sorted({vni for network in networks for vni in vnis_of(network)})
    address = inventory.host(host).data_path_addr or observed.hosts[host].engine.node_addr
    device = observed.hosts[host].system.addresses.get(address, "")
    others = sorted(own for other, addresses in peers.items() if other != host for own in addresses if ":" not in own)
    if not vnis or not others or not _DEVICE.fullmatch(device):
        return None
    return f"wire {port} {':'.join(map(str, vnis))} {device} {' '.join(others)}"


def parse_wire(text: str) -> Wire:
    """Return what the host's watcher printed."""
    esp, clear, lost = {}, {}, ""
    for line in text.splitlines():
        kind, *words = line.split()
        if kind == "esp" and len(words) == 3:
            esp[words[0]] = Frames(int(words[1]), int(words[2]))
        elif kind == "clear" and len(words) == 4:
            clear[words[0], int(words[1])] = Frames(int(words[2]), int(words[3]))
        elif kind != "ready":
            lost = line.removeprefix("lost ")
    return Wire(esp, clear, lost or ("" if esp else "the watcher did not say anything"))


def prove_wire(live: Live, wires: Mapping[str, Wire], addresses: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    """Prove for each pair of hosts with an encrypted network that the cable carried ESP and nothing in clear."""
    networks = [network for network in live.networks.values() if network.encrypted]
    watched = {host: wire for host, wire in wires.items() if not wire.lost}
    for host, wire in wires.items():
        if wire.lost:
            what = f"the cable of {host} was not watched: states, rules and counters alone speak for it"
            yield Finding(codes.WIRE, "warning", host, what, evidence=wire.lost, remedy=f"on {host}: install perl")
    pairs = {pair for network in networks for pair in combinations(live.carriers(network.id), 2)}
    for first, second in sorted(pairs):
        seen = [(host, peer) for host, peer in ((first, second), (second, first)) if host in watched]
        if seen:
            yield from _of_pair(first, second, seen, networks, watched, addresses)


def _of_pair(
    first: str,
    second: str,
    seen: list[tuple[str, str]],
    networks: list[NetworkState],
    watched: Mapping[str, Wire],
    addresses: Mapping[str, frozenset[str]],
) -> Iterator[Finding]:
    where = f"{first} <-> {second}"
    names = {vni: network.name for network in networks for vni in vnis_of(network)}
    clear = [
        (names[vni], host, peer, frames)
        for host, peer in seen
        for (address, vni), frames in watched[host].clear.items()
        if address in addresses[peer]
    ]
    for name in sorted({entry[0] for entry in clear}):
        of_network = [entry for entry in clear if entry[0] == name]
        yield Finding(
            codes.WIRE,
            "error",
            where,
            f"frames of the encrypted network {name} cross between {first} and {second} in clear",
            evidence="; ".join(
                f"{host} sent {frames.sent} to {peer} and received {frames.received} from it"
                for _, host, peer, frames in of_network
            ),
            remedy=f"on {_senders(of_network)}: sudo systemctl restart docker (makes the firewall's marks anew)",
        )
    crossed = sum(
        frames.sent + frames.received
        for host, peer in seen
        for address, frames in watched[host].esp.items()
        if address in addresses[peer]
    )
    if crossed and not clear:
        yield Finding(
            codes.WIRE,
            "ok",
            where,
            f"between {first} and {second} the cable carried ESP frames, and none of an encrypted network in clear",
            evidence=f"{crossed} ESP frames seen at {' and '.join(host for host, _ in seen)} while the probes ran",
        )


def _senders(clear: list[tuple[str, str, str, Frames]]) -> str:
    sending = {host for _, host, _, frames in clear if frames.sent}
    sending |= {peer for _, _, peer, frames in clear if frames.received}
    return " and ".join(sorted(sending))
