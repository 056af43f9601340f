"""The proofs, from two rounds over all hosts at once: look, then probe. Never writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from swarmkit.declared.host import Inventory
from swarmkit.declared.service import Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.observed.observe import observe
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.verify import codes
from swarmkit.verify.encryption import Evidence, encrypted_hosts, prove_encryption, prove_ingress, prove_options
from swarmkit.verify.esp import Esp, HostIpsec, own_addresses
from swarmkit.verify.live import Live, read_live
from swarmkit.verify.look import HostLook, look
from swarmkit.verify.probes import probes_between
from swarmkit.verify.probing import HostAnswers, probe_host
from swarmkit.verify.published import (
    FROM_HERE_PATIENCE_SECONDS,
    Publication,
    answers_here,
    probes_of,
    prove_published,
    publications,
)
from swarmkit.verify.reachability import prove_connections, prove_names, prove_sources
from swarmkit.verify.state import prove_nodes, prove_services
from swarmkit.verify.wire import prove_wire, wire_wish
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
) -> tuple[Finding, ...]:
    """Return what is proved (``ok``), what is not (``error``) and what is worth knowing (``warning``).

    Without *stack*, all services of the cluster are proved against their own specs. A host that fails becomes a
    finding; an exception is raised only by a bug. While something is not proved, all is tried again until
    *patience_seconds* have passed, beginning with a new look at hosts and nodes: names and VIPs reach the hosts by
    gossip, seconds after a task runs, and up to half a minute after an engine's restart; a node that was demoted is
    not ready for a moment.
    """
    deadline = time.monotonic() + patience_seconds
    from_here_seconds = min(patience_seconds, FROM_HERE_PATIENCE_SECONDS)
    while True:
        findings = _prove_once(fleet, inventory, stack, observed, on_phase, from_here_seconds)
        if time.monotonic() > deadline or all(finding.severity != "error" for finding in findings):
            return findings
        time.sleep(PAUSE_SECONDS)
        observed = observe(fleet, kernel="never")


def _prove_once(
    fleet: Fleet,
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    on_phase: Callable[[str], None],
    from_here_seconds: float,
) -> tuple[Finding, ...]:
    cluster = observed.cluster
    if cluster is None:
        return (_no_cluster(inventory, observed.cluster_error),)
    on_phase("reading services and tasks")
    try:
        live = read_live(fleet[cluster.told_by].engine, cluster, observed, stack)
    except SwarmkitError as error:
        return (_no_cluster(inventory, str(error)),)
    proof = _Proof(fleet, inventory, observed, cluster, live, from_here_seconds)
    return tuple(proof.findings(stack, on_phase))


def _no_cluster(inventory: Inventory, why: str) -> Finding:
    what = f"no manager tells of the cluster {inventory.cluster}, nothing is proved"
    return Finding(codes.CLUSTER, "error", inventory.cluster, what, evidence=why, remedy="swarmkit status")


class _Proof:
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

    def findings(self, stack: Stack | None, on_phase: Callable[[str], None]) -> Iterator[Finding]:
        published = publications(self._live, self._cluster, self._observed)
        on_phase("looking at every host's containers and encryption")
        looks = self._look(published)
        on_phase("probing between containers, and published ports")
        with ThreadPoolExecutor(max_workers=1) as pool:
            here: Future[list[Finding]] = pool.submit(self._ask_from_here, published)
            answers = self._probe(looks, published)
            from_here = here.result()
        results = {host: said.results for host, said in answers.items()}
        all_results = [result for of_host in results.values() for result in of_host]
        yield from prove_nodes(self._inventory, self._cluster, self._observed)
        yield from prove_services(self._live, stack)
        yield from prove_sources(self._live, looks)
        yield from prove_names(all_results)
        yield from prove_connections(all_results)
        yield from prove_published(published, looks, results)
        yield from from_here
        yield from prove_options(self._live, self._inventory, stack)
        evidence = self._evidence(looks, answers)
        yield from prove_encryption(self._live, evidence)
        wires = {host: said.wire for host, said in answers.items() if said.wire}
        yield from prove_wire(self._live, wires, self._addresses)
        yield from prove_ingress(self._live)
        yield from self._failures

    def _look(self, published: tuple[Publication, ...]) -> dict[str, HostLook]:
        forwarding = {entry.host for entry in published if entry.mode == "ingress"}
        return self._of_hosts(
            self._fleet,
            lambda host: look(
                self._fleet[host],
                self._live.tasks_on(host),
                encrypted=host in self._encrypted,
                published=host in forwarding,
            ),
        )

    def _probe(self, looks: Mapping[str, HostLook], published: tuple[Publication, ...]) -> dict[str, HostAnswers]:
        probes = probes_between(self._live, looks)
        return self._of_hosts(
            looks,
            lambda host: probe_host(
                self._fleet[host].shell,
                [*probes[host], *probes_of(published)],
                encrypted=host in self._encrypted,
                wire=self._wire_wish(host),
            ),
        )

    def _wire_wish(self, host: str) -> str | None:
        if host not in self._encrypted:
            return None
        peers = {other: self._addresses[other] for other in self._encrypted}
        port = self._cluster.data_path_port
        return wire_wish(host, self._live, self._inventory, self._observed, peers, port)

    def _of_hosts(self, hosts: Mapping[str, object], work: Callable[[str], T]) -> dict[str, T]:
        """Return the hosts' values; a host that failed is left out and becomes a finding."""
        values = fan_out(hosts, work)
        for host, value in values.items():
            if isinstance(value, Exception):
                self._failures.append(_host_failure(host, value))
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
                self._failures.append(_host_failure(host, error))
                continue
            if before and after:
                hosts[host] = HostIpsec(before, after, policies)
        return Evidence(looks, Esp(hosts, self._addresses), self._cluster.data_path_port)


def _host_failure(host: str, error: Exception) -> Finding:
    if isinstance(error, SwarmkitError):
        return Finding(codes.HOST, "error", host, f"{host}: {error.what}", evidence=error.why, remedy=error.to_do)
    what = f"{host}: could not be looked at, nothing is proved there"
    return Finding(codes.HOST, "error", host, what, evidence=f"{type(error).__name__}: {error}")
