"""Proofs on the cable: while the probes run, ESP crosses between two hosts and nothing readable does; pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.firewalls import Firewalls
from swarmkit.observed.model import NetworkState, Observed
from swarmkit.verify import codes
from swarmkit.verify.encryption.esp import marks_anew
from swarmkit.verify.live import Live
from swarmkit.verify.probe.cable import Cable, Frames

VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
_DEVICE = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)
_NOTHING = Frames(0, 0)
_INSTALL = "apt-get install -y perl || dnf install -y python3"


def vnis_of(network: NetworkState) -> list[int]:
    """Return the VXLAN numbers of an overlay network."""
    return [int(vni) for vni in network.options.get(VNI_OPTION, "").split(",") if vni]


def data_address(host: str, inventory: Inventory, observed: Observed) -> str:
    """Return the address by which the host's overlay traffic goes, or would go were it a node."""
    declared = inventory.host(host)
    live = observed.hosts[host].engine.node_addr
    return declared.data_path_addr or live or declared.advertise_addr or declared.address


def wire_wish(
    host: str, live: Live, inventory: Inventory, observed: Observed, peers: Mapping[str, frozenset[str]], port: int
) -> str | None:
    """Return what *host* shall watch, as a line for cable.pl or cable_on_host.py; None where no interface is known.

    *peers*: the addresses of each host, its own among them.
    """
    vnis = sorted({vni for network in live.encrypted for vni in vnis_of(network)})
    device = observed.hosts[host].system.addresses.get(data_address(host, inventory, observed), "")
    others = sorted(at for other, addresses in peers.items() if other != host for at in addresses if ":" not in at)
    if not vnis or not others or not _DEVICE.fullmatch(device):
        return None
    return f"watch {port} {':'.join(map(str, vnis))} {device} {' '.join(others)}"


@dataclass(frozen=True)
class WireSeen:
    """What all hosts saw on the cable, by the hosts' names."""

    cables: Mapping[str, Cable]
    addresses: Mapping[str, frozenset[str]]

    @property
    def watching(self) -> frozenset[str]:
        return frozenset(host for host, cable in self.cables.items() if not cable.why_blind and cable.esp)

    def ends(self, first: str, second: str) -> list[tuple[str, str]]:
        """Return which of the two watched, each with its peer."""
        return [(host, peer) for host, peer in ((first, second), (second, first)) if host in self.watching]

    def esp(self, host: str, peer: str) -> Frames:
        return self._sum(self.cables[host].esp, peer)

    def marked(self, host: str, peer: str) -> Frames:
        return self._sum(self.cables[host].marked, peer)

    def clear(self, host: str, peer: str, network: NetworkState) -> Frames:
        frames = {
            address: found for (address, vni), found in self.cables[host].clear.items() if vni in vnis_of(network)
        }
        return self._sum(frames, peer)

    def _sum(self, frames: Mapping[str, Frames], peer: str) -> Frames:
        of_peer = [found for address, found in frames.items() if address in self.addresses.get(peer, ())]
        return Frames(sum(found.sent for found in of_peer), sum(found.received for found in of_peer))


def prove_wire(
    live: Live, seen: WireSeen, ruled: Collection[str], firewalls: Mapping[str, Firewalls]
) -> Iterator[Finding]:
    """Prove for each pair of hosts with an encrypted network that the cable carried ESP and nothing readable.

    *ruled*: the hosts of whose rules something is told.
    """
    marks = functools.partial(marks_anew, told=ruled, firewalls=firewalls)
    for host, cable in seen.cables.items():
        if cable.why_blind:
            what = f"the cable of {host} was not watched: states, rules and counters alone speak for it"
            yield Finding(codes.WIRE, "warning", host, what, evidence=cable.why_blind, remedy=f"on {host}: {_INSTALL}")
        elif not cable.has_mark:
            what = f"no marked packets were sent and heard on {host}: its cable was watched by tcpdump alone"
            yield Finding(
                codes.WIRE, "warning", host, what, "neither perl nor python3 is there", f"on {host}: {_INSTALL}"
            )
    pairs = {pair for network in live.encrypted for pair in combinations(live.carriers(network.id), 2)}
    for first, second in sorted(pairs):
        ends = seen.ends(first, second)
        if ends:
            yield from _of_pair(first, second, ends, live, seen, marks)


def _of_pair(
    first: str,
    second: str,
    ends: list[tuple[str, str]],
    live: Live,
    seen: WireSeen,
    marks: Callable[[Sequence[str]], str],
) -> Iterator[Finding]:
    where = f"{first} <-> {second}"
    is_readable = False
    for network in live.encrypted:
        clear = [(host, peer, seen.clear(host, peer, network)) for host, peer in ends]
        if all(frames == _NOTHING for _, _, frames in clear):
            continue
        is_readable = True
        what = f"frames of the encrypted network {network.name} cross between {first} and {second} in clear"
        remedy = marks(_senders(clear))
        yield Finding(codes.WIRE, "error", where, what, _told(clear), remedy)
    marked = [(host, peer, seen.marked(host, peer)) for host, peer in ends]
    if any(frames != _NOTHING for _, _, frames in marked):
        is_readable = True
        what = f"what containers send each other over encrypted networks can be read between {first} and {second}"
        remedy = marks(_senders(marked))
        yield Finding(codes.WIRE, "error", where, what, f"frames with the probes' mark: {_told(marked)}", remedy)
    esp = [(host, peer, seen.esp(host, peer)) for host, peer in ends]
    if not is_readable and any(frames != _NOTHING for _, _, frames in esp):
        what = f"between {first} and {second} the cable carried ESP frames, and none of an encrypted network in clear"
        mark = "none with the probes' mark" if all(seen.cables[host].has_mark for host, _ in ends) else "no mark sent"
        yield Finding(codes.WIRE, "ok", where, what, f"ESP frames: {_told(esp)}; {mark}")


def _told(entries: list[tuple[str, str, Frames]]) -> str:
    return "; ".join(
        f"{host} sent {frames.sent} to {peer} and received {frames.received} from it" for host, peer, frames in entries
    )


def _senders(entries: list[tuple[str, str, Frames]]) -> list[str]:
    sending = {host for host, _, frames in entries if frames.sent}
    sending |= {peer for _, peer, frames in entries if frames.received}
    return sorted(sending)
