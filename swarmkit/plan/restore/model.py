"""What is known before a restore: the backup, the hosts, and how far an earlier restore of the same backup came."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.observed.model import Observed
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.data.planning import is_ours
from swarmkit.plan.data.putting import VolumeData
from swarmkit.plan.nodes.joins import addresses
from swarmkit.plan.states.recovery_operations import RESTORED_LABEL


@dataclass(frozen=True)
class BackedUpVolume:
    host: str
    """That had it."""
    data: VolumeData


@dataclass(frozen=True)
class BackedUpManager:
    name: str
    """Of its host in the inventory of then, or what it called itself."""
    address: str

    @property
    def can_be_asked(self) -> bool:
        """Whether the address leads to it: engines have told 0.0.0.0 and 127.0.0.1 of themselves."""
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return False
        return not (address.is_unspecified or address.is_loopback)


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself, and its state."""

    cluster: str
    cluster_id: str
    host: str
    advertise_addr: str
    engine_version: str
    made_at: str
    state: bytes = field(repr=False)
    """tar.gz of the swarm's folder; it needs no unlock key."""
    autolock: bool
    """Whether its managers lock, and so shall again."""
    node_ids: frozenset[str] = frozenset()
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Host -> the labels that its node had."""
    services: frozenset[str] = frozenset()
    volumes: tuple[BackedUpVolume, ...] = ()
    managers: tuple[BackedUpManager, ...] = ()
    ca_rotations: int = 0
    """How often the swarm's CA had been told to rotate."""

    @property
    def identity(self) -> str:
        """What tells this backup from every other."""
        return f"{self.cluster_id}@{self.made_at}"


@dataclass(frozen=True)
class Scene:
    """All that a restore is planned from."""

    inventory: Inventory
    """As declared: the lost hosts too."""
    backup: Backup
    observed: Observed
    """Of the hosts that answer."""
    raft: Mapping[str, RaftFacts]
    """Of those of them that are managers."""
    silent: Mapping[str, str]
    """Host that does not answer -> why."""
    lost: frozenset[str] = frozenset()
    """Managers that are off for good, at the operator's word."""
    placed: str = ""
    """The backup whose state lies on the backup's host, put there by a restore."""
    running: frozenset[str] = frozenset()
    """Services whose tasks run on the hosts that answer."""
    init_empty: frozenset[str] = frozenset()
    """Volumes that may start empty, at the operator's word."""
    new_addresses: bool = False
    """Whether the nodes may get other addresses, at the operator's word."""
    clusters: Mapping[str, str] = field(default_factory=dict)
    """Host that is in a swarm -> the cluster that its certificate names; nothing where none can be read."""
    listening: Mapping[str, str] = field(default_factory=dict)
    """Address of an old manager where one answers -> the cluster that it shows, if it can be told."""
    archives: Mapping[str, ImageArchive] = field(default_factory=dict)
    overridden: frozenset[str] = frozenset()
    """Codes of refusals that become warnings, at the operator's word."""

    @property
    def is_placed(self) -> bool:
        """Whether the backup's state is on its host already; one that the engine cannot start does not count."""
        return self.placed == self.backup.identity and not self.is_broken

    @property
    def is_broken(self) -> bool:
        """Whether the engine of the backup's host cannot start the state that it has."""
        facts = self.observed.hosts.get(self.backup.host)
        return facts is not None and facts.engine.swarm_state == "error"

    @property
    def is_forced(self) -> bool:
        """Whether the swarm goes on from this backup already."""
        cluster = self.observed.cluster
        return cluster is not None and cluster.labels.get(RESTORED_LABEL) == self.backup.identity

    @property
    def has_moved(self) -> bool:
        """Whether the backup's host has another address than then: no other node finds it there."""
        host = next((host for host in self.inventory.hosts if host.name == self.backup.host), None)
        return (
            host is not None
            and host.name in self.observed.hosts
            and addresses(host, self.observed)["AdvertiseAddr"] != self.backup.advertise_addr
        )

    def answering(self) -> tuple[Host, ...]:
        """Return the hosts that answer, the backup's first."""
        hosts = [host for host in self.inventory.hosts if host.name in self.observed.hosts]
        return tuple(sorted(hosts, key=lambda host: host.name != self.backup.host))

    def old_managers(self) -> list[BackedUpManager]:
        """Return the backup's managers that are at no address of a host that answers, which tells of itself."""
        known = {address for facts in self.observed.hosts.values() for address in facts.system.addresses}
        return [manager for manager in self.backup.managers if manager.address not in known]

    def labels(self, host: Host) -> dict[str, str]:
        """Return the labels that the host's node gets: those of then, and what is declared."""
        return {**self.backup.labels.get(host.name, {}), **host.labels}

    def missing(self) -> list[BackedUpVolume]:
        """Return the volumes that their hosts, which answer, do not have or have not whole."""
        return [
            volume
            for volume in self.backup.volumes
            if volume.host in self.observed.volumes
            and volume.data.name not in self.init_empty
            and (self._there(volume) is None or is_ours(volume.data, self._there(volume)))
        ]

    def is_absent(self, volume: BackedUpVolume) -> bool:
        return self._there(volume) is None

    def _there(self, volume: BackedUpVolume) -> Mapping[str, str] | None:
        return self.observed.volumes.get(volume.host, {}).get(volume.data.name)
