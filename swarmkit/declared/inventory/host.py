"""Hosts and the cluster as the inventory declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from swarmkit.errors import Complaint

SSH_PORT = 22
"""Where neither the inventory nor ssh_config names another."""

Role = Literal["manager", "worker"]
Availability = Literal["active", "pause", "drain"]
OverlayEncryption = Literal["required", "as-declared"]


@dataclass(frozen=True)
class JumpHost:
    """An SSH hop before a host; its own host key is verified like any other."""

    address: str
    port: int | None = None
    """None: what ssh_config says, else 22."""
    user: str | None = None


@dataclass(frozen=True)
class Host:
    """One machine of the inventory: how it is reached, and what it shall be in the swarm."""

    name: str
    address: str
    """Where SSH goes (``ansible_host``); may differ from the advertise address."""
    role: Role
    port: int | None = None
    """Of its sshd; None: what ssh_config says, else 22."""
    user: str | None = None
    key_file: Path | None = None
    become: bool = False
    """Whether the engine and root's commands are reached through sudo."""
    jumps: tuple[JumpHost, ...] = ()
    host_key: str | None = None
    """``SHA256:...`` fingerprint or a full public key line; beside known_hosts, never instead of checking."""
    advertise_addr: str | None = None
    """IP address told to peers; None means: the host's address, if it is an IP address the host carries."""
    data_path_addr: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    availability: Availability = "active"
    variables: Mapping[str, object] = field(default_factory=dict)
    """Every variable of the host as written, merged from groups (for other readers, such as the lab)."""
    place: str = ""
    """``file:line`` of the host in the inventory."""


@dataclass(frozen=True)
class Inventory:
    """The hosts and the cluster's own settings; hosts in the order of the file."""

    source: Path
    cluster: str
    """Name of the cluster for confirmations and reports (``swarm_cluster``, default: file name without suffix)."""
    hosts: tuple[Host, ...]
    leaving: tuple[Host, ...] = ()
    """Those that shall be no nodes (``swarm_state: absent``): `up`, `plan` and `trust` alone ask them."""
    data_path_port: int | None = None
    """None leaves Docker's 4789."""
    address_pools: tuple[str, ...] = ()
    """CIDRs; empty means: the planner picks pools that do not overlap the hosts' routes."""
    address_pool_prefix: int | None = None
    autolock: bool = False
    overlay_encryption: OverlayEncryption = "required"
    encrypt_ingress: bool = False
    """Whether the routing mesh's network is made anew, encrypted, before ports are published."""
    known_hosts: Path | None = None
    """None means ``~/.ssh/known_hosts``."""
    ssh_config: Path | None = None
    """Read only when the inventory asks for it (``swarm_ssh_config``)."""
    warnings: tuple[Complaint, ...] = ()
    """What is odd but no reason to stop."""

    @property
    def managers(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role == "manager")

    @property
    def workers(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role == "worker")

    @property
    def files(self) -> tuple[Path, ...]:
        """The files beside it that it names."""
        named = (self.known_hosts, self.ssh_config, *(host.key_file for host in (*self.hosts, *self.leaving)))
        return tuple(path for path in named if path)

    @property
    def with_leaving(self) -> Inventory:
        """This with the hosts that shall leave as hosts to be asked, after all others."""
        return replace(self, hosts=(*self.hosts, *self.leaving), leaving=())

    def host(self, name: str) -> Host:
        return next(host for host in (*self.hosts, *self.leaving) if host.name == name)
