"""One run of the proofs: look at all hosts at once, probe between them, judge what came of it. Never writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.proof import Proof
from swarmkit.reach.fleet import Fleet
from swarmkit.verify import codes
from swarmkit.verify.asking import Asking
from swarmkit.verify.encryption.esp import Esp, HostIpsec
from swarmkit.verify.encryption.injection import attempts, prove_injections
from swarmkit.verify.encryption.kernels import (
    Evidence,
    look_into_kernels,
    prove_ingress,
    prove_kernels,
)
from swarmkit.verify.encryption.leaks import Leaks
from swarmkit.verify.encryption.options import prove_options
from swarmkit.verify.encryption.wire import WireSeen, prove_wire
from swarmkit.verify.encryption.xfrm import UnreadableError, parse_policies
from swarmkit.verify.ended import NOBODY, Ended, prove_tried
from swarmkit.verify.live import Live
from swarmkit.verify.outsiders import prove_outsiders
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.probe.parcels import Parcels, Untried
from swarmkit.verify.probe.probing import HostAnswers, Result
from swarmkit.verify.seen import seen_hosts, seen_networks, seen_ports
from swarmkit.verify.silence import Silence
from swarmkit.verify.silent import host_failure
from swarmkit.verify.state.prove import prove_state
from swarmkit.verify.verdicts import Judge
from swarmkit.verify.ways.balance import prove_balance, shares
from swarmkit.verify.ways.blocked_nodes import with_blocked_ways
from swarmkit.verify.ways.causes import with_causes
from swarmkit.verify.ways.cut_off import prove_cut_off
from swarmkit.verify.ways.data_path import data_path
from swarmkit.verify.ways.datagrams import prove_udp, udp_ports
from swarmkit.verify.ways.doubled import doubled_nodes
from swarmkit.verify.ways.down_links import down_links
from swarmkit.verify.ways.gossip import prove_gossip, tried_ways
from swarmkit.verify.ways.ipv6 import tell_untried
from swarmkit.verify.ways.isolation import prove_declared_isolation, prove_isolation
from swarmkit.verify.ways.payloads import deliveries, prove_payloads
from swarmkit.verify.ways.published import Publication, prove_published, publications, ready_addresses
from swarmkit.verify.ways.reachability import prove_connections, prove_names, prove_sources
from swarmkit.verify.ways.unpublished import answering_here, closed_ports, prove_unpublished


class Proving:
    """One run: what was read so far, and the findings about hosts that failed."""

    def __init__(
        self,
        fleet: Fleet,
        inventory: Inventory,
        observed: Observed,
        cluster: ClusterState,
        live: Live,
        from_here_seconds: float,
        leaks: Leaks,
    ) -> None:
        self._leaks = leaks
        self._inventory, self._observed, self._cluster = inventory, observed, cluster
        self._live, self._from_here_seconds = live, from_here_seconds
        self._looked_at = live
        self._asking = Asking(fleet, inventory, observed, cluster, live)

    def proof(self, stack: Stack | None, on_phase: Callable[[str], None]) -> Proof:
        ready = ready_addresses(self._cluster, self._observed)
        published, datagrams = publications(self._live, ready), udp_ports(self._live, ready)
        on_phase("looking at every host's containers and encryption")
        looks = self._asking.look(published, datagrams, balance=True)
        sources = tuple(prove_sources(self._live, looks))
        self._leave_out(frozenset().union(*(seen.ended for seen in looks.values())))
        self._looked_at = self._live
        parcels = self._asking.parcels(looks)
        closed = closed_ports(self._live, self._cluster, self._observed, looks)
        on_phase("probing between containers, and published ports")
        with ThreadPoolExecutor(max_workers=2) as pool:
            unseen = self._silence(looks)
            here: Future[list[Finding]] = pool.submit(
                self._asking.from_here, published, self._from_here_seconds, unseen
            )
            open_here = pool.submit(answering_here, closed, self._inventory)
            answers = self._asking.probe(looks, published, parcels, closed)
            from_here = here.result()
        cables = {host: said.cable for host, said in answers.items() if said.cable}
        results = {host: said.results for host, said in answers.items()}
        how = self._how_they_ended(looks, results, parcels, cables)
        sources += tuple(prove_tried(self._live, looks, results, how))
        ended = Ended.among(self._live, looks, how)
        self._leave_out(how.keys())
        results = {host: ended.results(host, told) for host, told in results.items()}
        silence = self._silence(answers)
        evidence = self._evidence(looks, answers)
        judge = self._judge(evidence, parcels, cables, ended)
        tried = tuple(tried_ways(parcels.ways, results, judge.wire.cables, parcels.speaking))
        doubled = tuple(doubled_nodes(self._inventory, self._observed, self._cluster))
        links = tuple(down_links(self._live, looks))
        heard = [one for one in tried if not {one.way.source, one.way.target} & silence.hosts]
        findings = [
            *prove_state(self._inventory, stack, self._observed, self._cluster, self._live, looks, silence),
            *sources,
            *prove_outsiders(self._inventory, self._observed, self._cluster, self._live),
            *self._reached(looks, results, ended.publications(published), judge, silence),
            *prove_isolation(parcels.trespasses, (one for told in results.values() for one in told), cables, ended),
            *(one.told_as(codes.TWICE) for one in doubled),
            *prove_cut_off(heard),
            *(one.finding for one in links),
            *prove_gossip(tried, {host: seen.firewalls for host, seen in looks.items()}),
            *prove_udp(datagrams, self._live, looks, silence),
            *self._balanced(looks, stack),
            *prove_declared_isolation(self._live, stack),
            *from_here,
            *prove_unpublished(closed, results, open_here.result()),
            *prove_options(self._live, self._inventory, stack),
            *(one for one in self._encryption(judge, evidence, parcels.untried) if not ended.explains(one)),
            *prove_ingress(self._live, self._inventory),
            *tell_untried(self._live, self._cluster, self._observed, self._asking.data_addresses(looks)),
            *self._asking.failures,
        ]
        return Proof(
            with_causes(with_blocked_ways(findings, tried), heard, doubled, links, self._live, self._cluster.told_by),
            seen_hosts(self._inventory, self._observed, self._cluster, self._live),
            seen_networks(self._live, judge),
            seen_ports(self._live),
        )

    def _silence(self, answering: Collection[str]) -> Silence:
        hosts = frozenset(host.name for host in self._inventory.hosts if host.name not in answering)
        return Silence(hosts, self._live.services)

    def _how_they_ended(
        self,
        looks: Mapping[str, HostLook],
        results: Mapping[str, Iterable[Result]],
        parcels: Parcels,
        cables: Mapping[str, Cable],
    ) -> dict[str, str]:
        """Return by ID how the tasks ended that were there at the look and are no more; only a failure makes it ask."""
        held = all(one.holds for told in results.values() for one in told)
        if held and all(one.arrived for one in deliveries(parcels.parcels, cables)):
            return {}
        return self._asking.ended(looks, results)

    def _balanced(self, looks: Mapping[str, HostLook], stack: Stack | None) -> Iterator[Finding]:
        """Prove that requests are led to all tasks; what seems wrong is read again, as tasks come and go meanwhile."""
        found = shares(self._live, looks)
        if wrong := {share.host for share in found.values() if not share.is_right}:
            try:
                live, again = self._asking.balance_again(looks, wrong, stack)
            except SwarmkitError as error:
                self._asking.failures.append(host_failure(self._cluster.told_by, error))
                return
            later = {key: one for key, one in shares(live, {**looks, **again}).items() if one.host in again}
            found = {
                key: one if one.is_right else one.still(later[key])
                for key, one in found.items()
                if one.is_right or key in later
            }
        yield from prove_balance(found, self._live, looks.keys())

    def _leave_out(self, ended: Collection[str]) -> None:
        """Go on without the tasks that have *ended* since they were read: what is not there encrypts nothing."""
        self._live = self._live.without(ended)
        self._asking.leave_out(self._live)

    def _reached(
        self,
        looks: Mapping[str, HostLook],
        results: Mapping[str, tuple[Result, ...]],
        published: tuple[Publication, ...],
        judge: Judge,
        silence: Silence,
    ) -> Iterator[Finding]:
        all_results = [result for of_host in results.values() for result in of_host]
        yield from prove_names(all_results, silence)
        addresses = self._asking.data_addresses(looks)
        firewalls = {host: seen.firewalls for host, seen in looks.items()}
        ways = data_path(self._cluster.data_path_port, judge.delivered, judge.kernels, addresses, firewalls)
        yield from prove_connections(all_results, self._live, ways, silence)
        yield from prove_payloads(judge.delivered, self._live, self._cluster)
        yield from prove_published(published, looks, results, addresses, silence)

    def _encryption(self, judge: Judge, evidence: Evidence, untried: Iterable[Untried]) -> Iterator[Finding]:
        yield from prove_kernels(judge.kernels, evidence)
        yield from judge.findings()
        firewalls = {host: seen.firewalls for host, seen in evidence.looks.items()}
        yield from prove_wire(self._live, judge.wire, judge.kernels.ruled, firewalls)
        yield from prove_injections(judge.tried, untried)

    def _judge(self, evidence: Evidence, parcels: Parcels, seen: Mapping[str, Cable], ended: Ended = NOBODY) -> Judge:
        cables = self._leaks.with_cables(seen)
        return Judge(
            self._live,
            look_into_kernels(self._live, evidence, self._looked_at),
            evidence.esp,
            WireSeen(cables, self._asking.addresses),
            ended.deliveries(deliveries(parcels.parcels, cables)),
            self._leaks.with_attempts(ended.attempts(attempts(parcels.injections, cables))),
        )

    def encryption(self) -> dict[str, bool]:
        """Return by ID, for each encrypted network that a task is on, whether its encryption is proved."""
        looks = self._asking.look((), ())
        parcels = self._asking.parcels(looks)
        answers = self._asking.probe(looks, (), parcels)
        cables = {host: said.cable for host, said in answers.items() if said.cable}
        judge = self._judge(self._evidence(looks, answers), parcels, cables)
        networks = [network for network in self._live.networks.values() if network.encrypted]
        return {network.id: judge.holds(network) for network in networks if self._live.carriers(network.id)}

    def _evidence(self, looks: Mapping[str, HostLook], answers: Mapping[str, HostAnswers]) -> Evidence:
        hosts: dict[str, HostIpsec] = {}
        for host in sorted(self._asking.encrypted & answers.keys()):
            before, after = looks[host].ipsec, answers[host].ipsec
            try:
                policies = parse_policies(looks[host].policies)
            except UnreadableError as error:
                self._asking.failures.append(host_failure(host, error))
                continue
            if before and after:
                hosts[host] = HostIpsec(before, after, policies)
        return Evidence(looks, Esp(hosts, self._asking.addresses), self._cluster.data_path_port)
