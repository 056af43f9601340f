"""Proofs of the swarm's own ways: gossip by udp and tcp 7946 between all nodes, tcp 2377 to managers; pure.

Without gossip names are missing and VIPs are dead on some hosts, while tasks run and most things work (HAZARDS H07).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

from swarmkit.finding import Finding
from swarmkit.observed.firewalls import Firewalls
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.networks.firewall_rules import let_in
from swarmkit.plan.networks.own_routes import leads_nowhere, look_at_routes
from swarmkit.verify import codes
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.look import HOST_NAMESPACE
from swarmkit.verify.probe.probes import Connect
from swarmkit.verify.probe.probing import Result

GOSSIP_PORT = 7946
MANAGER_PORT = 2377
BEHIND_FIREWALL = "input"
"""Where cable.pl hears what has passed the host's own firewall."""
LABEL = "swarm"
_KEYS = 1_000_000
"""Beyond those of Sender's parcels."""


@dataclass(frozen=True)
class SwarmWay:
    """From one node to another."""

    key: int
    source: str
    target: str
    address: str
    is_manager: bool
    """Whether the target is one."""
    source_address: str

    @property
    def ports(self) -> tuple[int, ...]:
        return (GOSSIP_PORT, MANAGER_PORT) if self.is_manager else (GOSSIP_PORT,)


def swarm_ways(hosts: Iterable[str], cluster: ClusterState, observed: Observed) -> tuple[SwarmWay, ...]:
    """Return the ways between all of *hosts* that are nodes: for one that is down they tell whether it is cut off."""
    nodes = {host: cluster.node(observed.hosts[host].engine.node_id) for host in hosts}
    known = {host: node for host, node in nodes.items() if node and ":" not in node.address}
    keys = itertools.count(_KEYS)
    return tuple(
        SwarmWay(
            next(keys),
            source,
            target,
            known[target].address,
            known[target].role == "manager",
            known[source].address,
        )
        for source, target in permutations(known, 2)
    )


def gossip_wishes(host: str, ways: Iterable[SwarmWay], speaking: frozenset[str]) -> list[str]:
    """Return the lines for cable.pl on *host*: *speaking* are the hosts that can send and hear."""
    tried = [way for way in ways if way.source in speaking and way.target in speaking]
    sent = [f"send {way.key} gossip {way.address}" for way in tried if way.source == host]
    heard = [f"hear {way.key}" for way in tried if way.target == host]
    return [f"in {HOST_NAMESPACE}", *sent, f"in {BEHIND_FIREWALL}", *heard] if sent or heard else []


def gossip_probes(host: str, ways: Iterable[SwarmWay]) -> list[Connect]:
    return [
        Connect(None, HOST_NAMESPACE, way.address, port, LABEL)
        for way in ways
        if way.source == host
        for port in way.ports
    ]


def hears(way: SwarmWay, cables: Mapping[str, Cable], speaking: frozenset[str]) -> bool | None:
    """Tell whether a datagram of the way's source was heard at its target; None where it was not tried."""
    ends = [cables.get(host) for host in (way.source, way.target)]
    if not {way.source, way.target} <= speaking or not all(cable and not cable.why_blind for cable in ends):
        return None
    return (BEHIND_FIREWALL, way.key) in cables[way.target].heard


@dataclass(frozen=True)
class TriedWay:
    """What became of the swarm's own traffic on one way."""

    way: SwarmWay
    wrong: tuple[str, ...]
    told: tuple[str, ...]
    """What passed."""


def tried_ways(
    ways: Iterable[SwarmWay],
    results: Mapping[str, Iterable[Result]],
    cables: Mapping[str, Cable],
    speaking: frozenset[str],
) -> Iterator[TriedWay]:
    """Yield what became of datagrams and connections on each way on which any was tried."""
    answers = {
        (host, result.probe.address, result.probe.port): result
        for host, of_host in results.items()
        for result in of_host
        if isinstance(result.probe, Connect) and result.probe.label == LABEL and result.is_asked
    }
    for way in ways:
        asked = {port: answers.get((way.source, way.address, port)) for port in way.ports}
        wrong = [f"tcp/{port}: {result.answer}" for port, result in asked.items() if result and not result.holds]
        told = [f"tcp/{port} connects" for port, result in asked.items() if result and result.holds]
        is_heard = hears(way, cables, speaking)
        if is_heard is not None:
            (told if is_heard else wrong).append(f"udp/{GOSSIP_PORT}{' arrives' if is_heard else ': nothing arrived'}")
        if wrong or told:
            yield TriedWay(way, tuple(wrong), tuple(told))


def prove_gossip(tried: Iterable[TriedWay], firewalls: Mapping[str, Firewalls]) -> Iterator[Finding]:
    """Prove for each node and each other that the swarm's own traffic gets there; *firewalls* by host."""
    by_ends = {(one.way.source, one.way.target): one for one in tried}
    for one in by_ends.values():
        way = one.way
        where = f"{way.source} -> {way.target}"
        back = by_ends.get((way.target, way.source))
        if one.wrong and back and lacks_the_answer(one, back):
            what = f"connections from {way.source} to {way.target} get no answer: nothing comes back from there"
            remedy = f"first do what {codes.GOSSIP} {way.target} -> {way.source} says"
            yield Finding(codes.GOSSIP, "error", where, what, "; ".join((*one.wrong, *one.told)), remedy)
        elif one.wrong:
            what = f"the swarm's own traffic does not get from {way.source} to {way.target}"
            yield Finding(codes.GOSSIP, "error", where, what, "; ".join(one.wrong), _remedy(one, firewalls))
        else:
            what = f"the swarm's own traffic gets from {way.source} to {way.target}"
            yield Finding(codes.GOSSIP, "ok", where, what, "; ".join(one.told))


def lacks_the_answer(one: TriedWay, back: TriedWay) -> bool:
    """Tell whether what asks for no answer gets there, and nothing at all comes back."""
    datagrams = f"udp/{GOSSIP_PORT}"
    return not back.told and not _refuses(one, back) and [entry.split()[0] for entry in one.told] == [datagrams]


def _refuses(*ways: TriedWay) -> bool:
    """Tell whether an end of *ways* refused a connection: it was reached."""
    return any("refused" in entry for one in ways for entry in one.wrong)


def _remedy(one: TriedWay, firewalls: Mapping[str, Firewalls]) -> str:
    way, blocked = one.way, sorted(entry.partition(":")[0] for entry in one.wrong)
    if any(leads_nowhere(entry.partition(": ")[2]) for entry in one.wrong):
        return look_at_routes(way.source, way.address)
    opened = let_in(blocked, way.source_address, way.target, firewalls[way.target])
    if not one.told and not _refuses(one):
        return f"see first that the line is there, on {way.source}: ping -c 1 {way.address}; if so, {opened}"
    if not _refuses(one):
        return opened
    # An engine that locked or was demoted may no longer listen there (seen once on 26.1 after autolock off).
    first = f"where ss -lnt on {way.target} shows nothing at that port: systemctl restart docker there"
    return f"{first}; else {opened}"
