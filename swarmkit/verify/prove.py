"""The proofs, from two rounds over all hosts at once: look, then probe. Never writes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.proof import Proof
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.verify import codes
from swarmkit.verify.cable import Cable
from swarmkit.verify.cut_off import prove_cut_off, with_cause
from swarmkit.verify.datagrams import UdpPort, prove_udp, udp_ports
from swarmkit.verify.encryption import (
    Evidence,
    encrypted_hosts,
    look_into_kernels,
    prove_ingress,
    prove_kernels,
    prove_options,
)
from swarmkit.verify.esp import Esp, HostIpsec, own_addresses
from swarmkit.verify.gossip import gossip_probes, prove_gossip, swarm_ways, tried_ways
from swarmkit.verify.injection import attempts, prove_injections
from swarmkit.verify.ipv6 import tell_untried
from swarmkit.verify.isolation import prove_declared_isolation, prove_isolation
from swarmkit.verify.live import Live, read_live
from swarmkit.verify.look import HostLook, look
from swarmkit.verify.no_cluster import no_cluster
from swarmkit.verify.parcels import Parcels, Sender, Untried
from swarmkit.verify.payloads import deliveries, prove_payloads
from swarmkit.verify.probes import probes_between
from swarmkit.verify.probing import HostAnswers, Result, probe_host
from swarmkit.verify.published import (
    FROM_HERE_PATIENCE_SECONDS,
    Publication,
    answers_here,
    probes_of,
    prove_published,
    publications,
    ready_addresses,
)
from swarmkit.verify.reachability import prove_connections, prove_names, prove_sources
from swarmkit.verify.seen import seen_hosts, seen_networks, seen_ports
from swarmkit.verify.silent import host_failure, prove_answers, with_silence
from swarmkit.verify.state.prove import prove_state
from swarmkit.verify.unpublished import Closed, answering_here, closed_ports, closed_probes, prove_unpublished
from swarmkit.verify.verdicts import Judge
from swarmkit.verify.wire import WireSeen, data_address, prove_wire, wire_wish
from swarmkit.verify.xfrm import UnreadableError, parse_policies

T = TypeVar("T")

PAUSE_SECONDS = 0.5


def prove(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    *,
    on_phase: Callable[[str], None] = lambda _: None,
    patience_seconds: float = 0.0,
    silent: Mapping[str, str] = MappingProxyType({}),
) -> Proof:
    """Return what is proved (``ok``), what is not (``error``) and what is worth knowing (``warning``).

    Without *stack*, all services of the cluster are proved against their own specs. A host that fails becomes a
    finding, as does each that does not answer: *silent*, with why. An exception is raised only by a bug. While
    something is not proved, all is tried again until *patience_seconds* have passed, beginning with a new look at
    hosts and nodes: names and VIPs reach the hosts by gossip, seconds after a task runs, and up to half a minute after
    an engine's restart; a node that was demoted is not ready for a moment. Errors that kernels only counted are looked
    for once more in any case: the packets of a doctor that runs meanwhile are counted too.
    """
    deadline = time.monotonic() + patience_seconds
    from_here_seconds = min(patience_seconds, FROM_HERE_PATIENCE_SECONDS)
    counted_before = False
    while True:
        proof = _prove_once(fleet, inventory, stack, observed, on_phase, from_here_seconds)
        errors = {finding.code for finding in proof.findings if finding.severity == "error"}
        only_counted = errors == {codes.ESP_ERRORS} and not counted_before
        if not errors or (time.monotonic() > deadline and not only_counted):
            findings = (*prove_answers(inventory, silent), *with_silence(proof.findings, silent))
            return replace(proof, findings=findings)
        counted_before = counted_before or only_counted
        time.sleep(PAUSE_SECONDS)
        observed = observe(fleet, kernel="never")


def _prove_once(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    on_phase: Callable[[str], None],
    from_here_seconds: float,
) -> Proof:
    cluster = observed.cluster
    if cluster is None:
        return Proof((no_cluster(inventory, stack, observed, observed.cluster_error),))
    on_phase("reading services and tasks")
    try:
        names = silent_nodes(inventory, observed, cluster)
        live = read_live(fleet[cluster.told_by].engine, cluster, observed, stack, names)
    except SwarmkitError as error:
        return Proof((no_cluster(inventory, stack, observed, str(error)),))
    return _Proving(fleet, inventory, observed, cluster, live, from_here_seconds).proof(stack, on_phase)


def prove_networks(fleet: Fleet, inventory: Inventory, observed: Observed, patience_seconds: float) -> dict[str, bool]:
    """Return by ID, for each encrypted network that a service is on, whether its encryption is proved.

    Like *prove*, it probes between the tasks and tries again for *patience_seconds*; raises SwarmkitError without a
    manager that tells of the cluster.
    """
    deadline = time.monotonic() + patience_seconds
    cluster = observed.cluster
    if cluster is None:
        return {}
    while True:
        live = read_live(fleet[cluster.told_by].engine, cluster, observed, None)
        verdicts = _Proving(fleet, inventory, observed, cluster, live, 0.0).encryption()
        if time.monotonic() > deadline or all(verdicts.values()):
            return verdicts
        time.sleep(PAUSE_SECONDS)


class _Proving:
    """One run: what was read so far, and the findings about hosts that failed."""

    def __init__(
        self,
        fleet: Fleet,
        inventory: Inventory,
        observed: Observed,
        cluster: ClusterState,
        live: Live,
        from_here_seconds: float,
    ) -> None:
        self._fleet, self._inventory, self._observed, self._cluster = fleet, inventory, observed, cluster
        self._live, self._from_here_seconds = live, from_here_seconds
        self._encrypted = encrypted_hosts(live)
        self._addresses = own_addresses(observed)
        self._failures: list[Finding] = []

    def proof(self, stack: Stack | None, on_phase: Callable[[str], None]) -> Proof:
        ready = ready_addresses(self._cluster, self._observed)
        published, datagrams = publications(self._live, ready), udp_ports(self._live, ready)
        on_phase("looking at every host's containers and encryption")
        looks = self._look(published, datagrams)
        parcels = self._parcels(looks)
        closed = closed_ports(self._live, self._cluster, self._observed, looks)
        on_phase("probing between containers, and published ports")
        with ThreadPoolExecutor(max_workers=2) as pool:
            here: Future[list[Finding]] = pool.submit(self._ask_from_here, published)
            open_here = pool.submit(answering_here, closed, self._inventory)
            answers = self._probe(looks, published, parcels, closed)
            from_here = here.result()
        evidence = self._evidence(looks, answers)
        judge = self._judge(evidence, parcels, {host: said.cable for host, said in answers.items() if said.cable})
        results = {host: said.results for host, said in answers.items()}
        tried = tuple(tried_ways(parcels.ways, results, judge.wire.cables, parcels.speaking))
        findings = [
            *prove_state(self._inventory, stack, self._observed, self._cluster, self._live, looks),
            *self._reached(looks, results, published, parcels, judge),
            *prove_cut_off(tried),
            *prove_gossip(tried, {host: seen.firewalls for host, seen in looks.items()}),
            *prove_udp(datagrams, self._live, looks),
            *prove_declared_isolation(self._live, stack),
            *from_here,
            *prove_unpublished(closed, results, open_here.result()),
            *prove_options(self._live, self._inventory, stack),
            *self._encryption(judge, evidence, parcels.untried),
            *prove_ingress(self._live, self._inventory),
            *tell_untried(self._live, self._cluster, self._observed, self._data_addresses(looks)),
            *self._failures,
        ]
        return Proof(
            with_cause(findings, tried, self._live, self._cluster.told_by),
            seen_hosts(self._inventory, self._observed, self._cluster, self._live),
            seen_networks(self._live, judge),
            seen_ports(self._live),
        )

    def _reached(
        self,
        looks: Mapping[str, HostLook],
        results: Mapping[str, tuple[Result, ...]],
        published: tuple[Publication, ...],
        parcels: Parcels,
        judge: Judge,
    ) -> Iterator[Finding]:
        all_results = [result for of_host in results.values() for result in of_host]
        yield from prove_sources(self._live, looks)
        yield from prove_names(all_results)
        yield from prove_connections(all_results)
        yield from prove_payloads(judge.delivered)
        yield from prove_isolation(parcels.trespasses, all_results, judge.wire.cables)
        yield from prove_published(published, looks, results)

    def _encryption(self, judge: Judge, evidence: Evidence, untried: Iterable[Untried]) -> Iterator[Finding]:
        yield from prove_kernels(judge.kernels, evidence)
        yield from judge.findings()
        yield from prove_wire(self._live, judge.wire)
        yield from prove_injections(judge.tried, untried)

    def _judge(self, evidence: Evidence, parcels: Parcels, cables: Mapping[str, Cable]) -> Judge:
        return Judge(
            self._live,
            look_into_kernels(self._live, evidence),
            evidence.esp,
            WireSeen(cables, self._addresses),
            deliveries(parcels.parcels, cables),
            attempts(parcels.injections, cables),
        )

    def encryption(self) -> dict[str, bool]:
        """Return by ID, for each encrypted network that a task is on, whether its encryption is proved."""
        looks = self._look((), ())
        parcels = self._parcels(looks)
        answers = self._probe(looks, (), parcels)
        cables = {host: said.cable for host, said in answers.items() if said.cable}
        judge = self._judge(self._evidence(looks, answers), parcels, cables)
        networks = [network for network in self._live.networks.values() if network.encrypted]
        return {network.id: judge.holds(network) for network in networks if self._live.carriers(network.id)}

    def _look(self, published: tuple[Publication, ...], datagrams: tuple[UdpPort, ...]) -> dict[str, HostLook]:
        meshed = {entry.host for entry in datagrams if entry.port.mode == "ingress"}
        forwarding = {entry.host for entry in published if entry.mode == "ingress"}
        forwarding |= {entry.host for entry in datagrams}
        hearing = {task.id for entry in datagrams for task in entry.service.tasks}
        return self._of_hosts(
            self._fleet,
            lambda host: look(
                self._fleet[host],
                self._live.tasks_on(host),
                encrypted=host in self._encrypted,
                published=host in forwarding,
                mesh=host in meshed,
                datagrams=hearing,
                certificate=f"{self._observed.hosts[host].engine.root_dir}/swarm/certificates/swarm-node.crt",
            ),
        )

    def _parcels(self, looks: Mapping[str, HostLook]) -> Parcels:
        sender = Sender(self._live, looks)
        peers = {host: self._addresses[host] for host in looks}
        port = self._cluster.data_path_port
        wishes = {host: wire_wish(host, self._live, self._inventory, self._observed, peers, port) for host in looks}
        watches = {host: wish for host, wish in wishes.items() if wish}
        data = self._data_addresses(watches)
        injections = tuple(sender.injections(data, frozenset(self._live.ready_hosts)))
        senders = {entry.sender for entry in injections}
        return Parcels(
            f"swarmkit-probe-{secrets.token_hex(12)}",
            tuple(sender.parcels()),
            tuple(sender.trespasses()),
            injections,
            # Who is alone has nobody who could send such a frame.
            tuple(sender.untried(data)) if len(self._inventory.hosts) > 1 else (),
            swarm_ways(looks, self._cluster, self._observed),
            frozenset(host for host, seen in looks.items() if seen.has_perl),
            {host: wish for host, wish in watches.items() if host in self._encrypted or host in senders},
        )

    def _data_addresses(self, hosts: Iterable[str]) -> dict[str, str]:
        return {host: data_address(host, self._inventory, self._observed) for host in hosts}

    def _probe(
        self,
        looks: Mapping[str, HostLook],
        published: tuple[Publication, ...],
        parcels: Parcels,
        closed: tuple[Closed, ...] = (),
    ) -> dict[str, HostAnswers]:
        probes = probes_between(self._live, looks)
        return self._of_hosts(
            looks,
            lambda host: probe_host(
                self._fleet[host].shell,
                [
                    *probes[host],
                    *probes_of(published),
                    *gossip_probes(host, parcels.ways),
                    *closed_probes(host, closed),
                ],
                encrypted=host in self._encrypted,
                cabling=parcels.wishes(host),
                has_perl=looks[host].has_perl,
            ),
        )

    def _of_hosts(self, hosts: Mapping[str, object], work: Callable[[str], T]) -> dict[str, T]:
        """Return the hosts' values; a host that failed is left out and becomes a finding."""
        values = fan_out(hosts, work)
        for host, value in values.items():
            if isinstance(value, Exception):
                self._failures.append(host_failure(host, value))
        return {host: value for host, value in values.items() if not isinstance(value, Exception)}

    def _ask_from_here(self, published: tuple[Publication, ...]) -> list[Finding]:
        ports = {(entry.host, entry.port) for entry in published}
        patience = self._from_here_seconds
        asked = fan_out(sorted(ports), lambda where: answers_here(self._inventory.host(where[0]), where[1], patience))
        return [value for value in asked.values() if isinstance(value, Finding)]

    def _evidence(self, looks: Mapping[str, HostLook], answers: Mapping[str, HostAnswers]) -> Evidence:
        hosts: dict[str, HostIpsec] = {}
        for host in sorted(self._encrypted & answers.keys()):
            before, after = looks[host].ipsec, answers[host].ipsec
            try:
                policies = parse_policies(looks[host].policies)
            except UnreadableError as error:
                self._failures.append(host_failure(host, error))
                continue
            if before and after:
                hosts[host] = HostIpsec(before, after, policies)
        return Evidence(looks, Esp(hosts, self._addresses), self._cluster.data_path_port)
