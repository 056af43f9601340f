"""Services, networks, secrets and volumes as a stack file declares them: units resolved, short forms expanded.

Durations are nanoseconds, sizes are bytes, CPUs are nano-CPUs: the engine API's own units.
``None`` means: not written in the file, the engine's default holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from swarmkit.declared.stack.container_options import CredentialSpec, Dns, Logging, Ulimit
from swarmkit.errors import Complaint
from swarmkit.secret import Secret

Mode = Literal["replicated", "global", "replicated-job", "global-job"]
Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]


@dataclass(frozen=True)
class HealthCheck:
    test: tuple[str, ...]
    """``("CMD", ...)``, ``("CMD-SHELL", line)`` or ``("NONE",)``."""
    interval_nanoseconds: int | None = None
    timeout_nanoseconds: int | None = None
    start_period_nanoseconds: int | None = None
    start_interval_nanoseconds: int | None = None
    retries: int | None = None


@dataclass(frozen=True)
class ServiceNetwork:
    name: str
    """Key under the stack's ``networks``."""
    aliases: tuple[str, ...] = ()
    driver_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Port:
    target: int
    published: int | None
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"
    mode: Literal["ingress", "host"] = "ingress"


@dataclass(frozen=True)
class Mount:
    type: Literal["volume", "bind", "tmpfs", "npipe", "cluster", "image"]
    target: str
    source: str | None = None
    """Key under the stack's ``volumes``, an absolute path for a bind, ``group:NAME`` for a cluster, or an image."""
    read_only: bool = False
    tmpfs_size_bytes: int | None = None
    no_copy: bool = False
    subpath: str | None = None
    """The folder inside the volume that is mounted."""
    propagation: str | None = None
    consistency: str | None = None


@dataclass(frozen=True)
class FileReference:
    """A secret or config in a container: *source* is the key in the stack, *target* the file in the container."""

    source: str
    target: str
    uid: str = "0"
    gid: str = "0"
    mode: int = 0o444


@dataclass(frozen=True)
class Resources:
    nano_cpus: int | None = None
    memory_bytes: int | None = None
    pids: int | None = None
    generic: tuple[tuple[str, int], ...] = ()
    """Kind and amount of what the operator gave the nodes, such as GPUs."""


@dataclass(frozen=True)
class RestartPolicy:
    condition: Literal["none", "on-failure", "any"] | None = None
    delay_nanoseconds: int | None = None
    max_attempts: int | None = None
    window_nanoseconds: int | None = None


@dataclass(frozen=True)
class UpdateConfig:
    parallelism: int | None = None
    delay_nanoseconds: int | None = None
    failure_action: Literal["continue", "pause", "rollback"] | None = None
    monitor_nanoseconds: int | None = None
    max_failure_ratio: float | None = None
    order: Literal["stop-first", "start-first"] | None = None


@dataclass(frozen=True)
class Deploy:
    mode: Mode = "replicated"
    replicas: int = 1
    """Of a job: how many tasks have to succeed, all at the same time."""
    labels: Mapping[str, str] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    spread: tuple[str, ...] = ()
    """Placement preferences, ``spread`` descriptors in order."""
    max_replicas_per_node: int | None = None
    limits: Resources = Resources()
    reservations: Resources = Resources()
    restart_policy: RestartPolicy | None = None
    update_config: UpdateConfig | None = None
    rollback_config: UpdateConfig | None = None
    endpoint_mode: Literal["vip", "dnsrr"] | None = None

    @property
    def is_job(self) -> bool:
        return self.mode.endswith("-job")


@dataclass(frozen=True)
class Service:
    name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """None: written without a value and not set here; it unsets the image's variable."""
    hostname: str | None = None
    extra_hosts: tuple[str, ...] = ()
    """Lines of /etc/hosts: ``ADDRESS NAME``."""
    dns: Dns = field(default_factory=Dns)
    user: str | None = None
    working_dir: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Container labels; the service's own are in ``deploy.labels``."""
    health_check: HealthCheck | None = None
    networks: tuple[ServiceNetwork, ...] = ()
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    secrets: tuple[FileReference, ...] = ()
    configs: tuple[FileReference, ...] = ()
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    """The list form counts as ``service_healthy``: in a swarm a task with a health check runs once it is healthy, and
    a job is waited for until it has completed."""
    logging: Logging | None = None
    read_only: bool = False
    stdin_open: bool = False
    tty: bool = False
    init: bool | None = None
    isolation: str | None = None
    credential_spec: CredentialSpec | None = None
    oom_score_adj: int = 0
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str | None = None
    stop_grace_period_nanoseconds: int | None = None
    deploy: Deploy = Deploy()
    place: str = ""
    """``file:line`` of the service."""


@dataclass(frozen=True)
class LanHost:
    """What is particular to one host under a macvlan or ipvlan network."""

    parent: str | None = None
    address_range: str | None = None


@dataclass(frozen=True)
class Lan:
    """How a macvlan or ipvlan network lies on the hosts' own LAN."""

    parent: str | None = None
    """The device of every host that names none of its own; None: the engine makes a dummy."""
    gateway: str | None = None
    address_range: str | None = None
    """The addresses for tasks, shared out among the hosts; None where each host has its own."""
    hosts: Mapping[str, LanHost] = field(default_factory=dict)


MTU_OPTION = "com.docker.network.driver.mtu"
"""The ``driver_opts`` key of a network's MTU in bytes."""


@dataclass(frozen=True)
class Network:
    key: str
    name: str
    """Name in the swarm: ``STACK_KEY`` unless the file names it."""
    driver: str = "overlay"
    driver_options: Mapping[str, str] = field(default_factory=dict)
    attachable: bool = False
    internal: bool = False
    external: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    ipam_driver: str | None = None
    subnets: tuple[str, ...] = ()
    ipv6: bool = False
    plaintext_reason: str | None = None
    """``x-swarmkit: {encrypted: false, reason: ...}`` on the network; None: the overlay shall be encrypted."""
    lan: Lan | None = None
    """Of a macvlan or ipvlan network that is not external."""
    place: str = ""

    @property
    def encrypted(self) -> bool:
        """Whether the engine will encrypt: the option counts by presence, not by value (moby ov_network.go)."""
        return "encrypted" in self.driver_options


@dataclass(frozen=True)
class SecretFile:
    """A secret or config of the stack: content from a file, from a *driver*, or an existing one (*external*)."""

    key: str
    name: str
    content: Secret | None = None
    """None when external or from a driver."""
    is_config: bool = False
    """Whether all who may list it can read its content, too."""
    path: Path | None = None
    """The file its content is from."""
    external: bool = False
    driver: str | None = None
    """A plugin that hands out the secret; the swarm then holds no content."""
    driver_options: Mapping[str, str] = field(default_factory=dict)
    template_driver: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True)
class VolumeBackup:
    """How a volume's data gets into a backup and out of it (``x-swarmkit: {backup: ...}``)."""

    dump: tuple[str, ...] = ()
    """Command in the service's container that prints the data; empty: the files are copied while the service stands."""
    restore: tuple[str, ...] = ()
    """Command in the service's container that reads what *dump* printed."""
    service: str = ""
    """Whose volume it is; empty: of the only service that mounts it."""


@dataclass(frozen=True)
class Volume:
    key: str
    name: str
    driver: str | None = None
    driver_options: Mapping[str, str] = field(default_factory=dict)
    external: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    backup: VolumeBackup | None = None
    """None: not in backups."""


@dataclass(frozen=True)
class Stack:
    source: Path
    name: str
    services: tuple[Service, ...]
    networks: tuple[Network, ...] = ()
    secrets: tuple[SecretFile, ...] = ()
    configs: tuple[SecretFile, ...] = ()
    volumes: tuple[Volume, ...] = ()
    warnings: tuple[Complaint, ...] = ()
    """What is odd but no reason to stop."""
    files: tuple[Path, ...] = ()
    """The files beside its own that it names: of secrets, configs and variables."""

    def service(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)

    def services_on(self, volume: Volume) -> tuple[Service, ...]:
        """Return the services that mount *volume*."""
        return tuple(
            service
            for service in self.services
            if any(mount.type == "volume" and mount.source == volume.key for mount in service.mounts)
        )

    def owner(self, volume: Volume) -> Service:
        """Return the service whose volume it is, for its backup."""
        named = volume.backup.service if volume.backup else ""
        return self.service(named) if named else self.services_on(volume)[0]

    def dependents(self, name: str) -> tuple[Service, ...]:
        """Return the services that depend on service *name*, directly or by way of others."""
        found: dict[str, Service] = {}
        wanted = [name]
        while wanted:
            on = wanted.pop()
            for service in self.services:
                if on in service.depends_on and service.name not in found:
                    found[service.name] = service
                    wanted.append(service.name)
        return tuple(found.values())
