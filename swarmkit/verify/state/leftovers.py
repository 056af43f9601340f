"""What is left over: nodes, objects of stacks, containers and volumes that nothing declares; pure.

What rollback and history keep is none: the record of what ran before with the versions it names, the runs, a held lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, ClusterState, Observed
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes.departures import strangers
from swarmkit.plan.stacks.names import file_name
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.plan.stacks.pruning import UNDECLARED
from swarmkit.plan.stacks.record import read_records
from swarmkit.reach.lock import LOCK_NAME, Holder
from swarmkit.verify import codes
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.state.unused_overlays import in_use, unused_overlays


@dataclass(frozen=True)
class Remains:
    """What is read for it."""

    stack: Stack | None
    observed: Observed
    cluster: ClusterState
    plan: Plan
    looks: Mapping[str, HostLook]
    silent: frozenset[str] = frozenset()
    """The IDs of nodes that are hosts which do not answer."""
    returning: Mapping[str, str] = field(default_factory=dict)
    """ID of a node -> the host that it was, which is in no swarm now: wiped, or new under its name."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """ID of a node -> the host that it is, or was, which the inventory has absent."""

    def findings(self) -> tuple[Finding, ...]:
        """Return every leftover; where there is none, that."""
        found = (
            *self._nodes(),
            *self._removals(),
            *self._objects(),
            *unused_overlays(self.cluster, self.looks, self._declared(), self._nodes_looked_at()),
            *self._of_hosts(),
            *_lock(self.cluster),
        )
        if found or self.silent or self.looks.keys() < self.observed.hosts.keys():
            return found
        what = "nothing is left over: no earlier node, no network, secret, config or container without its service"
        return (Finding(codes.LEFTOVER, "ok", "cluster", what),)

    def _nodes(self) -> Iterator[Finding]:
        """Yield the nodes that no host is: earlier ones of a host, and those of others."""
        members = {
            name: facts for name, facts in self.observed.hosts.items() if self.cluster.node(facts.engine.node_id)
        }
        ready = {facts.system.hostname: name for name, facts in members.items()}
        for node in (one for one in strangers(self.observed) if one.id not in self.silent):
            evidence = f"node {node.id}, {node.role}, {node.address}"
            if host := self.returning.get(node.id):
                what = f"node {node.hostname} was {host}, which is in no swarm any more"
                yield _leftover(
                    node.hostname, what, evidence, f"let it take its place again: swarmkit node replace {host}"
                )
            elif host := self.absent.get(node.id):
                what = f"node {node.hostname} is {node.state}, and the inventory has its host {host} absent"
                yield _leftover(node.hostname, what, evidence, "swarmkit up")
            elif node.state == "down" and node.hostname in ready:
                what = f"an earlier node of {ready[node.hostname]} is still listed as down"
                demote = f"docker node demote {node.id} && " if node.role == "manager" else ""
                yield _leftover(node.hostname, what, evidence, f"{demote}docker node rm {node.id}")
            else:
                what = f"node {node.hostname} is {node.state} and is no host of the inventory"
                remedy = "add it to the inventory, or if it has left for good: swarmkit up --remove-nodes"
                yield _leftover(node.hostname, what, evidence, remedy)

    def _removals(self) -> Iterator[Finding]:
        """Yield what `up` would remove, of its own accord or by --prune, and rollback does not need."""
        kept = self._recorded()
        for operation in self._removing():
            if operation.identity not in kept:
                step = operation.step
                what = f"{step.subject} {step.target} is left over: {step.reason}"
                remedy = "swarmkit up --prune" if step.reason == UNDECLARED else "swarmkit up"
                yield _leftover(step.target, what, f"{step.subject} {operation.identity}", remedy)

    def _removing(self) -> list[RemoveObject]:
        operations = (*self.plan.writes, *self.plan.held_back)
        return [operation for operation in operations if isinstance(operation, RemoveObject)]

    def _objects(self) -> Iterator[Finding]:
        """Yield networks, secrets and configs of stacks that neither the file nor a service knows."""
        told = {operation.identity for operation in self._removing()}
        kept = in_use(self.cluster) | self._declared() | self._recorded() | told
        lists = (("network", self.cluster.networks), ("secret", self.cluster.secrets), ("config", self.cluster.configs))
        for word, items in lists:
            for item in items:
                stack = item.labels.get(STACK_LABEL, "")
                if stack and item.id not in kept and self._is_over(stack):
                    what = f"{word} {item.name} of the stack {stack} is used by no service"
                    what += "" if self._is_gone(stack) else " and not in the stack file"
                    yield _leftover(item.name, what, f"{word} {item.id}", f"docker {word} rm {item.name}")

    def _nodes_looked_at(self) -> frozenset[str]:
        return frozenset(self.observed.hosts[host].engine.node_id for host in self.looks)

    def _is_over(self, stack: str) -> bool:
        """Tell whether it is known what of *stack* is needed: its file is at hand, or it runs nothing at all."""
        return self._is_gone(stack) or (self.stack is not None and self.stack.name == stack)

    def _is_gone(self, stack: str) -> bool:
        is_declared = self.stack is not None and self.stack.name == stack
        return not is_declared and not any(service.stack == stack for service in self.cluster.services)

    def _declared(self) -> frozenset[str]:
        """Return the IDs of what the stack file names."""
        if self.stack is None:
            return frozenset()
        files = {file_name(file) for file in (*self.stack.secrets, *self.stack.configs)}
        networks = {network.name for network in self.stack.networks}
        return frozenset(
            [item.id for item in (*self.cluster.secrets, *self.cluster.configs) if item.name in files]
            + [item.id for item in self.cluster.networks if item.declared_name in networks]
        )

    def _recorded(self) -> frozenset[str]:
        """Return the IDs of the record of what ran before, and of the versions that its rollback needs."""
        if self.stack is None:
            return frozenset()
        records = read_records(self.cluster, self.stack.name)
        names = {name for record in records for what in ("Secret", "Config") for name in record.files(what)}
        names |= {record.name for record in records}
        return frozenset(item.id for item in (*self.cluster.secrets, *self.cluster.configs) if item.name in names)

    def _of_hosts(self) -> Iterator[Finding]:
        services = {service.id for service in self.cluster.services}
        volumes = {volume.name for volume in self.stack.volumes} if self.stack else set()
        sources = {network.config_from for network in self.cluster.networks}
        for host, seen in self.looks.items():
            for container in seen.containers:
                if container.service_id not in services:
                    what = f"container {container.name} runs on {host}, and its service {container.service} is no more"
                    yield _leftover(host, what, container.id[:12], f"on {host}: docker rm -f {container.name}")
            for name, stack in seen.volumes.items():
                if self.stack is not None and stack == self.stack.name and name not in volumes:
                    what = f"volume {name} of the stack {stack} is on {host} and not in the stack file"
                    remedy = f"only if its data is not needed: on {host}: docker volume rm {name}"
                    yield _leftover(host, what, "it may hold data", remedy)
            for network in self.observed.hosts[host].engine.config_networks:
                stack = network.labels.get(STACK_LABEL, "")
                if stack and network.name not in sources and self._is_over(stack):
                    what = f"config-only network {network.name} of the stack {stack} is on {host}, for no network"
                    yield _leftover(host, what, network.id, f"on {host}: docker network rm {network.name}")


def _leftover(where: str, what: str, evidence: str, remedy: str) -> Finding:
    return Finding(codes.LEFTOVER, "warning", where, what, evidence, remedy)


def _lock(cluster: ClusterState) -> Iterator[Finding]:
    """Yield a lock whose run is known to have ended: one of this machine; of others nobody can tell at one look."""
    for config in cluster.configs:
        if config.name == LOCK_NAME and (holder := Holder.in_labels(dict(config.labels))).is_known_dead():
            what = "a run that ended without giving it back still holds the cluster's lock"
            yield _leftover(LOCK_NAME, what, str(holder), "none: the next run takes it over")
