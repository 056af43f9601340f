"""What is to be proved: services as they are now, with their VIPs and running tasks. Reads two lists of a manager."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from types import MappingProxyType

from swarmkit.declared.stack.service import Stack
from swarmkit.observed import parse
from swarmkit.observed.global_services import nodes_of_global
from swarmkit.observed.model import ClusterState, NetworkState, Observed, TaskState
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.fan_out import fan_out

_PASSING = ("assigned", "accepted", "preparing", "ready", "starting", "running")


@dataclass(frozen=True)
class LiveTask:
    """A task that runs and shall run."""

    id: str
    service: str
    host: str
    """Name of the inventory's host; of a node that is in no inventory, the node's hostname."""
    container_id: str
    addresses: Mapping[str, tuple[str, ...]]
    """Network ID -> IPv4 addresses: what goes by IPv6 is not tried, see ipv6.py."""
    is_current: bool
    """Whether it runs the service's newest spec."""
    image: str = ""
    """As its spec names it."""


@dataclass(frozen=True)
class PublishedPort:
    published: int
    protocol: str
    mode: str
    target: int = 0
    """In the container."""


@dataclass(frozen=True)
class LiveService:
    id: str
    name: str
    spec: Json
    vips: Mapping[str, str]
    """Network ID -> address; empty with ``endpoint_mode: dnsrr``."""
    aliases: Mapping[str, tuple[str, ...]]
    """Network ID -> further names."""
    ports: tuple[PublishedPort, ...]
    tasks: tuple[LiveTask, ...]
    waiting: tuple[TaskState, ...]
    """Tasks that shall run and do not."""
    passing: Mapping[str, frozenset[str]]
    """Network ID -> addresses of tasks that start or stop: names may give them already, or still."""
    last_error: str
    """Of the newest task that failed, or empty."""
    failed_on: str
    """Its host."""
    update_state: str
    update_message: str
    ended: tuple[LiveTask, ...] = ()
    """Tasks that ran when they were read, and have ended since."""
    unheard_on: tuple[str, ...] = ()
    """Hosts that do not answer, where a task shall end, and nobody told that it did."""
    failed: tuple[TaskState, ...] = ()
    """Tasks of its newest spec that the managers remember as failed."""
    running: tuple[TaskState, ...] = ()
    """What the managers tell of those that run and shall run."""
    global_on: frozenset[str] = frozenset()
    """IDs of the nodes on which a global service shall run."""
    of_job: tuple[TaskState, ...] = ()
    """A job's tasks of its present iteration."""

    @property
    def networks(self) -> frozenset[str]:
        """Return the IDs of the networks its tasks are on."""
        return frozenset(network for task in self.tasks for network in task.addresses)


@dataclass(frozen=True)
class Live:
    services: tuple[LiveService, ...]
    networks: Mapping[str, NetworkState]
    """By ID: overlay networks that a service of these uses, without ingress."""
    ingress: NetworkState | None
    ready_hosts: tuple[str, ...] = ()
    """Hosts of the inventory whose node is ready: each carries ingress."""
    published: frozenset[int] = frozenset()
    """Every TCP port that a service of the swarm publishes, of whatever stack."""
    lans: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """ID of a network over the hosts' LANs -> the ranges of which the hosts give its tasks addresses; no manager knows
    which one a task has."""

    def without(self, ended: Collection[str]) -> Live:
        """Return it without the tasks of the IDs *ended*: their hosts carry no network for them any more."""
        return replace(self, services=tuple(_without(service, ended) for service in self.services))

    @property
    def encrypted(self) -> tuple[NetworkState, ...]:
        """Return the networks whose traffic between hosts shall be ESP: ingress too, where it was made so."""
        ingress = (self.ingress,) if self.ingress and self.ingress.encrypted else ()
        return (*(network for network in self.networks.values() if network.encrypted), *ingress)

    @property
    def ingress_ports(self) -> tuple[str, ...]:
        """Return what is published by ingress, each as SERVICE:PORT."""
        return tuple(
            sorted(
                f"{service.name}:{port.published}"
                for service in self.services
                for port in service.ports
                if port.mode == "ingress"
            )
        )

    def lan_ranges(self, one: str, other: str) -> tuple[str, ...]:
        """Return of which ranges the tasks of the services have addresses, where both are on a LAN."""
        on = [service.aliases.keys() & self.lans.keys() for service in self.services if service.name in (one, other)]
        return tuple(
            text for network in sorted(frozenset.intersection(*map(frozenset, on))) for text in self.lans[network]
        )

    def tasks_on(self, host: str) -> tuple[LiveTask, ...]:
        return tuple(task for service in self.services for task in service.tasks if task.host == host)

    def carriers(self, network_id: str) -> tuple[str, ...]:
        """Return the hosts that carry the network: those with a running task on it; of ingress, all that are ready."""
        if self.ingress and network_id == self.ingress.id:
            return tuple(sorted(self.ready_hosts))
        return tuple(sorted(self.ends(network_id)))

    def ends(self, network_id: str) -> frozenset[str]:
        """Return the hosts with a running task on the network; others carry nothing but ingress."""
        tasks = (task for service in self.services for task in service.tasks)
        return frozenset(task.host for task in tasks if network_id in task.addresses)

    def pairs(self, network_id: str) -> tuple[tuple[str, str], ...]:
        """Return each two hosts between which the network carries something.

        Over ingress nothing goes between two hosts of which neither runs a task that publishes a port.
        """
        ends = self.ends(network_id)
        return tuple(pair for pair in combinations(self.carriers(network_id), 2) if ends & set(pair))


def _without(service: LiveService, ended: Collection[str]) -> LiveService:
    gone = tuple(task for task in service.tasks if task.id in ended)
    there = tuple(task for task in service.tasks if task.id not in ended)
    return replace(service, tasks=there, ended=(*service.ended, *gone))


def read_live(
    manager: Engine,
    cluster: ClusterState,
    observed: Observed,
    stack: Stack | None,
    silent: Mapping[str, str] = MappingProxyType({}),
) -> Live:
    """Read services and tasks anew from *manager*: observed facts hold neither VIPs nor the tasks' whole spec.

    *silent*: node ID -> host of those that do not answer.
    """
    lists = fan_out(("services", "tasks"), lambda kind: manager.find("services" if kind == "services" else "tasks"))
    services, tasks = (_raise_or_return(lists[kind]) for kind in ("services", "tasks"))
    hosts = {node.id: node.hostname for node in cluster.nodes}
    members = {facts.engine.node_id: name for name, facts in observed.hosts.items() if facts.engine.node_id}
    members |= silent
    hosts |= members
    by_name = {network.name: network.id for network in cluster.networks}
    live = tuple(
        _service(item, [task for task in tasks if task.get("ServiceID") == item["ID"]], hosts, by_name, silent)
        for item in sorted(services, key=lambda item: str(item["Spec"]["Name"]))
        if stack is None or _stack_of(item) == stack.name
    )
    used = frozenset().union(*(service.networks for service in live))
    ingress = next((network for network in cluster.networks if network.raw.get("Ingress")), None)
    networks = {
        network.id: network
        for network in cluster.networks
        if network.id in used and network.driver == "overlay" and network is not ingress
    }
    ready = [name for node_id, name in members.items() if _is_ready(cluster, node_id)]
    ports = [_port(port) for item in services for port in (item.get("Endpoint") or {}).get("Ports") or ()]
    by_tcp = frozenset(port.published for port in ports if port.protocol == "tcp")
    lans = {network.id: _parts(network, observed) for network in cluster.networks if network.config_from}
    return Live(live, networks, ingress, tuple(ready), by_tcp, lans)


def _parts(network: NetworkState, observed: Observed) -> tuple[str, ...]:
    """Return the ranges that the hosts give out addresses of for *network*."""
    parts = (facts.engine.config_network(network.config_from) for facts in observed.hosts.values())
    given = [one for part in parts if part for one in (part.raw.get("IPAM") or {}).get("Config") or ()]
    return tuple(text for one in given if (text := str(one.get("IPRange") or one.get("Subnet") or "")))


def _is_ready(cluster: ClusterState, node_id: str) -> bool:
    node = cluster.node(node_id)
    return node is not None and node.state == "ready"


def _raise_or_return(value: list[Json] | Exception) -> list[Json]:
    if isinstance(value, Exception):
        raise value
    return value


def _stack_of(item: Json) -> str:
    return str((item["Spec"].get("Labels") or {}).get("com.docker.stack.namespace", ""))


def _service(
    item: Json, tasks: list[Json], hosts: Mapping[str, str], by_name: Mapping[str, str], silent: Mapping[str, str]
) -> LiveService:
    state, endpoint, template = parse.service(item), item.get("Endpoint") or {}, item["Spec"].get("TaskTemplate") or {}
    wanted = [(task, parse.task(task)) for task in tasks if task.get("DesiredState") == "running"]
    told = tuple(map(parse.task, tasks))
    is_global = "Global" in (item["Spec"].get("Mode") or {})
    given_up = [task for task in told if task.state == "running" and task.desired_state != "running"]
    wrong = sorted((task for task in told if task.error), key=lambda task: task.created_at)
    attachments = template.get("Networks") or item["Spec"].get("Networks") or ()
    return LiveService(
        id=state.id,
        name=state.name,
        spec=item["Spec"],
        # A bridge, macvlan or host network gives a service no address of its own.
        vips={
            str(vip["NetworkID"]): str(vip["Addr"]).split("/")[0]
            for vip in endpoint.get("VirtualIPs") or ()
            if vip.get("Addr") and ":" not in vip["Addr"]
        },
        aliases={
            by_name.get(entry["Target"], str(entry["Target"])): tuple(entry.get("Aliases") or ())
            for entry in attachments
        },
        ports=tuple(_port(port) for port in endpoint.get("Ports") or ()),
        tasks=tuple(_task(raw, task, state.name, hosts, template) for raw, task in wanted if task.state == "running"),
        waiting=tuple(task for _, task in wanted if task.state != "running"),
        passing=_addresses(task for task in told if task.state in _PASSING),
        last_error=wrong[-1].error if wrong else "",
        failed_on=hosts.get(wrong[-1].node_id, "") if wrong else "",
        update_state=state.update_state,
        update_message=state.update_message,
        unheard_on=tuple(sorted({silent[task.node_id] for task in given_up if task.node_id in silent})),
        failed=tuple(task for task in told if task.state == "failed" and task.is_made_from(template)),
        running=tuple(task for _, task in wanted if task.state == "running"),
        global_on=nodes_of_global(told, template) if is_global else frozenset(),
        of_job=tuple(task for task in told if state.is_job and task.iteration == state.iteration),
    )


def _addresses(tasks: Iterable[TaskState]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for task in tasks:
        for network, addresses in task.addresses.items():
            found[network] = found.get(network, frozenset()).union(_by_ipv4(addresses))
    return found


def _task(raw: Json, task: TaskState, service: str, hosts: Mapping[str, str], template: Json) -> LiveTask:
    # A task is out of date when its spec differs, not when its number does: a mere change of replicas keeps the old
    # tasks (moby/swarmkit manager/orchestrator/task.go, IsTaskDirty).
    spec = raw.get("Spec") or {}
    is_current = all((spec.get(part) or 0) == (template.get(part) or 0) for part in ("ContainerSpec", "ForceUpdate"))
    host = hosts.get(task.node_id, task.node_id)
    addresses = {network: _by_ipv4(of_network) for network, of_network in task.addresses.items()}
    return LiveTask(task.id, service, host, task.container_id, addresses, is_current, task.image)


def _by_ipv4(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(address for address in addresses if ":" not in address)


def _port(port: Json) -> PublishedPort:
    return PublishedPort(
        int(port.get("PublishedPort", 0)),
        str(port.get("Protocol", "tcp")),
        str(port.get("PublishMode", "ingress")),
        int(port.get("TargetPort", 0)),
    )
