"""Frozen facts of hosts and cluster, as read; nothing here reads or writes."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from swarmkit.observed.jobs import is_job

if TYPE_CHECKING:
    from swarmkit.observed.set_aside import SetAside

NETWORK_LABEL = "swarmkit.network"
"""On a network that took another's place: the name that the stack file gives it."""
STACK_LABEL = "com.docker.stack.namespace"
RECOVERY_LABEL = "swarmkit.recovery"
"""Label of a swarm that lost its quorum and went on with one manager: how often."""

UPGRADE_LABEL = "swarmkit.upgrading"
"""Label of a node that was drained for its engine's upgrade, and was active before."""

RECORD_LABEL = "swarmkit.before"
"""Label of the configs that hold what a stack ran before a change: its stack."""

DATA_LABEL = "swarmkit.data."
"""Begins a label of the swarm that says which backup's data is whole in a volume; the volume's name follows."""
FILLED_LABEL = "swarmkit.backup"
"""On a volume that was made to be filled from a backup: which one."""

WHOLE_LABEL = "swarmkit.backup.whole"
"""Beside a volume's own labels: the backup whose data went into it to the end. No label can be added to a volume."""

SwarmState = Literal["inactive", "pending", "active", "error", "locked"]


@dataclass(frozen=True)
class ModuleFacts:
    """What a host tells of its kernel's modules where a feature is lacking; nothing of it was read elsewhere."""

    said: str = ""
    """By modprobe, of those that it could not load."""
    rules: tuple[str, ...] = ()
    """``/etc/modprobe.d/NAME.conf:install esp4 /bin/false``."""
    system: str = ""
    """ID and ID_LIKE of /etc/os-release."""
    takes_none: bool = False
    """Whether the kernel loads no module any more until it is booted again (kernel.modules_disabled)."""


@dataclass(frozen=True)
class KernelFacts:
    """What the kernel said to each feature an encrypted overlay or a service VIP needs: ``ok`` or its complaint."""

    answers: Mapping[str, str]
    modules: ModuleFacts = ModuleFacts()

    def lacking(self, *features: str) -> dict[str, str]:
        """Return those of *features* that do not work, with what the kernel said; unknown ones count as lacking."""
        said = {feature: self.answers.get(feature, "not tried") for feature in features}
        return {feature: answer for feature, answer in said.items() if answer != "ok"}


@dataclass(frozen=True)
class Route:
    destination: str
    """CIDR."""
    device: str


@dataclass(frozen=True)
class SystemFacts:
    hostname: str
    machine_id: str
    addresses: Mapping[str, str]
    """IP address -> device; loopback addresses are left out."""
    routes: tuple[Route, ...]
    clock_offset_seconds: float
    """How far the host's clock is ahead of the operator's, within the time the question took."""
    kernel: KernelFacts | None = None
    """None when it was not asked for."""
    gossip: bool | None = None
    """Whether something has the port of the swarm's gossip, 7946; None when it was not asked for."""
    gossip_of_engine: bool = False
    """Whether the engine alone does; it is looked for on hosts that are in no swarm."""
    unfinished_loads: Mapping[str, str] = field(default_factory=dict)
    """Image ID -> tag of an image whose load was begun, and that may not lie on the disk whole."""


def subnets_of(network: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the subnets of a network as the API tells or is told of it, without the bits of a host in them."""
    entries = (network.get("IPAM") or {}).get("Config") or []
    return tuple(masked(str(entry["Subnet"])) for entry in entries if entry.get("Subnet"))


def masked(subnet: str) -> str:
    """Return *subnet* as a network.

    Engines before 25 tell of one as it was typed, ``172.26.0.1/16`` for the bridge of a ``bip`` (moby#45759).
    """
    try:
        return str(ipaddress.ip_network(subnet, strict=False))
    except ValueError:
        return subnet


def network_targets(spec: Mapping[str, Any]) -> set[str]:
    """Return the IDs, or names where no engine has resolved them, of the networks of a service's spec.

    Old clients named them beside the task, not in it.
    """
    entries = spec["TaskTemplate"].get("Networks") or spec.get("Networks") or ()
    return {str(entry["Target"]) for entry in entries}


@dataclass(frozen=True)
class NetworkState:
    id: str
    name: str
    driver: str
    scope: str
    options: Mapping[str, str]
    labels: Mapping[str, str]
    raw: Mapping[str, Any]

    @property
    def declared_name(self) -> str:
        """What a stack file calls it: its name, or that of the network whose place it took."""
        return self.labels.get(NETWORK_LABEL) or self.name

    @property
    def config_from(self) -> str:
        """Name of the hosts' config-only networks that it is made from, if it is."""
        return str((self.raw.get("ConfigFrom") or {}).get("Network") or "")

    @property
    def subnets(self) -> tuple[str, ...]:
        return subnets_of(self.raw)

    @property
    def encrypted(self) -> bool:
        return "encrypted" in self.options


@dataclass(frozen=True)
class EngineFacts:
    version: str
    api_version: tuple[int, int]
    engine_id: str
    operating_system: Literal["linux", "windows"]
    architecture: str
    swarm_state: SwarmState
    swarm_error: str
    node_id: str
    node_addr: str
    is_manager: bool
    cluster_id: str | None
    """Known to managers only."""
    live_restore: bool
    rootless: bool
    memory_bytes: int
    cpus: int
    images: Mapping[str, tuple[str, ...]]
    """Image ID -> tags; without those whose load has not come to its end."""
    content_store: bool
    """Whether images are in the containerd store, which numbers them otherwise than the graph drivers."""
    recovery: int = 0
    """Known to managers with a leader: how often their swarm has gone on with one manager."""
    config_networks: tuple[NetworkState, ...] = ()
    """Its config-only networks: this host's part of a macvlan or ipvlan network of the swarm."""
    root_dir: str = "/var/lib/docker"
    generic_resources: Mapping[str, int] = field(default_factory=dict)
    """Kind -> how many: what it was told to offer, such as GPUs (``node-generic-resources``)."""
    running_containers: int = 0
    has_containerd: bool = True
    network_drivers: tuple[str, ...] = ()
    """Its own, enabled plugins, and plugins that are but files once they were asked for."""
    remote_managers: frozenset[str] = frozenset()
    """Node ids of the managers that it knows of its swarm."""

    def config_network(self, name: str) -> NetworkState | None:
        return next((network for network in self.config_networks if network.name == name), None)


@dataclass(frozen=True)
class HostFacts:
    host: str
    system: SystemFacts
    engine: EngineFacts


@dataclass(frozen=True)
class Node:
    id: str
    version: int
    hostname: str
    role: Literal["manager", "worker"]
    availability: str
    labels: Mapping[str, str]
    state: str
    """``ready``, ``down``, ``disconnected`` or ``unknown``."""
    address: str
    reachability: str = ""
    """Of managers: ``reachable``, ``unreachable`` or ``unknown``."""
    is_leader: bool = False
    spec: Mapping[str, Any] = field(default_factory=dict)
    engine_version: str = ""
    updated_at: str = ""
    """When anything of it last changed; the leading manager's clock."""
    plugins: frozenset[tuple[str, str]] = frozenset()
    """What its engine has beside and within itself, by kind (``Log``, ``Network``, ``Volume``) and name."""

    @property
    def name(self) -> str:
        """Its host name; the entry of a join that never ended has none."""
        return self.hostname or f"node {self.id[:12]}"


@dataclass(frozen=True)
class SecretState:
    """A secret or config; of secrets the engine never tells the content."""

    id: str
    name: str
    labels: Mapping[str, str]
    content: bytes = field(default=b"", repr=False)
    """Only of configs with RECORD_LABEL."""
    drivers: Mapping[str, Any] = field(default_factory=dict)
    """The API's Driver and Templating, where it has them."""


@dataclass(frozen=True)
class ServiceState:
    id: str
    version: int
    name: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    update_state: str = ""
    update_message: str = ""
    iteration: int = 0
    """Of a job: counts up with every update, which runs it again."""

    @property
    def stack(self) -> str:
        return self.labels.get("com.docker.stack.namespace", "")

    @property
    def is_job(self) -> bool:
        return is_job(self.spec)

    @property
    def is_settled(self) -> bool:
        """Whether no update of it is under way or stands still; one that was taken back whole is over."""
        return self.update_state in ("", "completed", "rollback_completed")

    @property
    def published(self) -> Mapping[str, str]:
        """``8080/tcp`` -> how it is published: ``ingress`` or ``host``."""
        ports = (self.spec.get("EndpointSpec") or {}).get("Ports") or ()
        return {
            f"{port['PublishedPort']}/{port.get('Protocol', 'tcp')}": str(port.get("PublishMode", "ingress"))
            for port in ports
            if port.get("PublishedPort")
        }


@dataclass(frozen=True)
class TaskState:
    id: str
    service_id: str
    node_id: str
    slot: int
    state: str
    desired_state: str
    error: str
    message: str
    container_id: str
    addresses: Mapping[str, tuple[str, ...]]
    """Network ID -> addresses without prefix."""
    image: str
    created_at: str
    spec: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What it was made from: its service's task template of then."""
    iteration: int = 0
    """Of a job's task: the iteration that it was made for."""
    state_since: str = ""
    """When its state was last written, as a pending one's is at each look for a node; the leading manager's clock."""

    def is_made_from(self, template: Mapping[str, Any]) -> bool:
        """Tell whether a service with *template* would keep it (moby/swarmkit manager/orchestrator/task.go)."""
        parts = ("ContainerSpec", "ForceUpdate")
        return all((self.spec.get(part) or 0) == (template.get(part) or 0) for part in parts)


@dataclass(frozen=True)
class ClusterState:
    """The swarm as one of its managers tells it."""

    id: str
    version: int
    labels: Mapping[str, str]
    spec: Mapping[str, Any]
    data_path_port: int
    address_pools: tuple[str, ...]
    told_by: str
    """Name of the manager host that was asked."""
    nodes: tuple[Node, ...]
    networks: tuple[NetworkState, ...]
    secrets: tuple[SecretState, ...]
    configs: tuple[SecretState, ...]
    services: tuple[ServiceState, ...]
    tasks: tuple[TaskState, ...]
    pool_prefix: int = 0
    """Of the subnets that are taken of the pools; 0: not told."""
    read_at: float = 0.0
    """By the operator's clock, in seconds since the epoch."""
    names_taken: frozenset[str] = frozenset()
    """Those of the asked manager's own networks: its engine makes none of the swarm's by such a name."""

    @property
    def network_names(self) -> dict[str, str]:
        return {network.id: network.name for network in self.networks}

    @property
    def ca_rotations(self) -> int:
        """How often the swarm's CA was told to rotate."""
        return int((self.spec.get("CAConfig") or {}).get("ForceRotate") or 0)

    def node(self, node_id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == node_id), None)

    def service(self, name: str) -> ServiceState | None:
        return next((service for service in self.services if service.name == name), None)

    def network(self, name: str) -> NetworkState | None:
        """Return the network *name*, or the one that took its place."""
        return next(iter(self.networks_for(name)), None)

    def networks_for(self, name: str) -> tuple[NetworkState, ...]:
        """Return the network *name* and those that were made in its place, the one of that name first."""
        found = [network for network in self.networks if name in (network.name, network.declared_name)]
        return tuple(sorted(found, key=lambda network: (network.name != name, network.name)))

    def tasks_of(self, service_id: str) -> tuple[TaskState, ...]:
        return tuple(task for task in self.tasks if task.service_id == service_id)


@dataclass(frozen=True)
class Observed:
    """Everything that was read, at one time; *cluster* is None while no reached host is a manager."""

    hosts: Mapping[str, HostFacts]
    cluster: ClusterState | None
    cluster_error: str = ""
    """Why a manager could not tell of its cluster (no leader, for one)."""
    volumes: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """Host -> name of a volume -> its labels; empty where they were not asked for."""
    without_ingress: frozenset[str] = frozenset()
    """Hosts that are ready nodes and have no end of the ingress network; empty where they were not asked."""
    set_aside: Mapping[str, tuple[SetAside, ...]] = field(default_factory=dict)
    """Host -> what restores have moved aside there; empty where it was not asked for."""
