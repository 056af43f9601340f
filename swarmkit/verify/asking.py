"""What one run of the proofs asks of the hosts, all of them at once. Never writes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet
from swarmkit.verify.encryption.esp import own_addresses
from swarmkit.verify.encryption.kernels import encrypted_hosts
from swarmkit.verify.encryption.wire import data_address, wire_wish
from swarmkit.verify.live import Live, read_live
from swarmkit.verify.probe.look import HostLook, balance_again, how_they_ended, look
from swarmkit.verify.probe.parcels import Parcels, Sender
from swarmkit.verify.probe.probes import Probe, probes_between
from swarmkit.verify.probe.probing import PATIENCE_SECONDS, SECOND_PATIENCE_SECONDS, HostAnswers, probe_host
from swarmkit.verify.silence import NONE, Silence
from swarmkit.verify.silent import host_failure
from swarmkit.verify.unheard import unheard
from swarmkit.verify.ways.balance import networks_of_vips
from swarmkit.verify.ways.datagrams import UdpPort
from swarmkit.verify.ways.down_links import networks_on
from swarmkit.verify.ways.gossip import gossip_probes, swarm_ways
from swarmkit.verify.ways.published import Publication, answers_here, probes_of
from swarmkit.verify.ways.unpublished import Closed, closed_probes

T = TypeVar("T")


class Asking:
    """The hosts of one run, what is known of them, and the findings about those that failed."""

    def __init__(
        self, fleet: Fleet, inventory: Inventory, observed: Observed, cluster: ClusterState, live: Live
    ) -> None:
        self._fleet, self._inventory, self._observed = fleet, inventory, observed
        self._cluster, self._live = cluster, live
        self.encrypted = encrypted_hosts(live)
        self.addresses = own_addresses(observed)
        self.failures: list[Finding] = []
        self._meshed: set[str] = set()

    def look(
        self, published: tuple[Publication, ...], datagrams: tuple[UdpPort, ...], *, balance: bool = False
    ) -> dict[str, HostLook]:
        """Return what each host says of its containers, and of encryption and ports where it has to do with them.

        With *balance* also of what leads requests to tasks.
        """
        forwarding = {entry.host for entry in published if entry.mode == "ingress"}
        self._meshed = forwarding | {entry.host for entry in datagrams if entry.port.mode == "ingress"}
        forwarding |= {entry.host for entry in datagrams}
        hearing = {task.id for entry in datagrams for task in entry.service.tasks}
        return self._of_hosts(
            self._fleet,
            lambda host: look(
                self._fleet[host],
                self._live.tasks_on(host),
                encrypted=host in self.encrypted,
                published=host in forwarding or bool(self._live.tasks_on(host)),
                mesh=host in self._meshed,
                vips=networks_of_vips(self._live, host) if balance else (),
                links=networks_on(self._live, host),
                datagrams=hearing,
                certificate=f"{self._observed.hosts[host].engine.root_dir}/swarm/certificates/swarm-node.crt",
            ),
        )

    def balance_again(
        self, looks: Mapping[str, HostLook], hosts: Iterable[str], stack: Stack | None
    ) -> tuple[Live, dict[str, HostLook]]:
        """Return the tasks as they are now, and what *hosts* now lead requests to; without hosts that fail."""
        told_by = self._cluster.told_by
        names = silent_nodes(self._inventory, self._observed, self._cluster)
        again = self._of_hosts(
            dict.fromkeys(hosts),
            lambda host: balance_again(self._fleet[host], looks[host], mesh=host in self._meshed),
        )
        return read_live(self._fleet[told_by].engine, self._cluster, self._observed, stack, names), again

    def leave_out(self, live: Live) -> None:
        """Ask no more of what is not in *live*."""
        self._live = live

    def parcels(self, looks: Mapping[str, HostLook]) -> Parcels:
        """Return what the hosts shall send to each other and hear while the probes run."""
        sender = Sender(self._live, looks)
        peers = {host: self.addresses[host] for host in looks}
        port = self._cluster.data_path_port
        wishes = {host: wire_wish(host, self._live, self._inventory, self._observed, peers, port) for host in looks}
        watches = {host: wish for host, wish in wishes.items() if wish}
        data = self.data_addresses(watches)
        injections = tuple(sender.injections(data, self._members(looks)))
        senders = {entry.sender for entry in injections}
        return Parcels(
            f"swarmkit-probe-{secrets.token_hex(12)}",
            tuple(sender.parcels()),
            tuple(sender.trespasses()),
            injections,
            # Who is alone has nobody who could send such a frame.
            tuple(sender.untried(data)) if len(self._inventory.hosts) > 1 else (),
            swarm_ways(looks, self._cluster, self._observed),
            frozenset(host for host, seen in looks.items() if seen.speaks),
            {host: wish for host, wish in watches.items() if host in self.encrypted or host in senders},
        )

    def _members(self, hosts: Iterable[str]) -> frozenset[str]:
        """Return the hosts that are nodes, whatever their state: one that is cut off is none outside of the swarm."""
        node_ids = {host: self._observed.hosts[host].engine.node_id for host in hosts}
        return frozenset(host for host, node_id in node_ids.items() if self._cluster.node(node_id))

    def probe(
        self,
        looks: Mapping[str, HostLook],
        published: tuple[Publication, ...],
        parcels: Parcels,
        closed: tuple[Closed, ...] = (),
    ) -> dict[str, HostAnswers]:
        """Return what each host that was looked at found when it probed, sent and heard.

        What failed and what was not heard is tried once more, by all that have to do with it at the same time and with
        a longer deadline: a host that its machine gives no time for seconds is late, and not cut off.
        """
        between = probes_between(self._live, looks)
        probes = {
            host: [
                *between[host],
                *probes_of(published),
                *gossip_probes(host, parcels.ways),
                *closed_probes(host, closed),
            ]
            for host in looks
        }
        first = self._probe(looks, probes, parcels, PATIENCE_SECONDS)
        late = unheard(parcels, {host: said.cable for host, said in first.items() if said.cable})
        failed = {host: said.failed for host, said in first.items() if said.failed or late.wishes(host)}
        second = self._probe({host: looks[host] for host in failed}, failed, late, SECOND_PATIENCE_SECONDS)
        first = {host: said for host, said in first.items() if host not in failed or host in second}
        return {host: said.with_second(second[host]) if host in second else said for host, said in first.items()}

    def ended(self, looks: Mapping[str, HostLook], hosts: Iterable[str]) -> dict[str, str]:
        """Return by ID how each task of *hosts* ended that was there when they were looked at."""
        there = {host: [task for task in self._live.tasks_on(host) if task.id in looks[host].pids] for host in hosts}
        told = self._of_hosts(there, lambda host: how_they_ended(self._fleet[host], there[host]))
        return {task: how for of_host in told.values() for task, how in of_host.items()}

    def _probe(
        self,
        looks: Mapping[str, HostLook],
        probes: Mapping[str, Sequence[Probe]],
        parcels: Parcels,
        patience_seconds: float,
    ) -> dict[str, HostAnswers]:
        return self._of_hosts(
            looks,
            lambda host: probe_host(
                self._fleet[host].shell,
                probes[host],
                patience_seconds,
                encrypted=host in self.encrypted,
                cabling=parcels.wishes(host),
                speaks=looks[host].speaks,
            ),
        )

    def from_here(
        self, published: tuple[Publication, ...], patience_seconds: float, silence: Silence = NONE
    ) -> list[Finding]:
        """Return the published ports that answer this machine, and those that do not within *patience_seconds*."""
        ports = {(entry.host, entry.port) for entry in published}
        asked = fan_out(
            sorted(ports), lambda where: answers_here(self._inventory.host(where[0]), where[1], patience_seconds)
        )
        behind = {(one.host, one.port) for one in published if silence.tasks_of(one.service)}
        return [
            silence.following(value) if where in behind and value.severity != "ok" else value
            for where, value in asked.items()
            if isinstance(value, Finding)
        ]

    def data_addresses(self, hosts: Iterable[str]) -> dict[str, str]:
        """Return the address of each host that other nodes send its overlay traffic to."""
        return {host: data_address(host, self._inventory, self._observed) for host in hosts}

    def _of_hosts(self, hosts: Mapping[str, object], work: Callable[[str], T]) -> dict[str, T]:
        """Return the hosts' values; a host that failed is left out and becomes a finding."""
        values = fan_out(hosts, work)
        for host, value in values.items():
            if isinstance(value, Exception):
                self.failures.append(host_failure(host, value))
        return {host: value for host, value in values.items() if not isinstance(value, Exception)}
