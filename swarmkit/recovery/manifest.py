"""What a backup says of itself: the last member of its archive."""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict

from swarmkit.secret import Secret

FORMAT = 2


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Entry):
    bytes: int
    sha256: str


class NodeEntry(_Entry):
    """A node of then; *name* is its host's in the inventory, or what it called itself where that has none for it."""

    name: str
    id: str
    role: Literal["manager", "worker"]
    address: str
    labels: dict[str, str]


class VolumeEntry(_Entry):
    """A volume whose content is in the archive, and how it goes back."""

    name: str
    """In the engine: ``shop_database-data``."""
    host: str
    service: str
    """The service it belongs to, as the swarm names it."""
    file: str
    kind: Literal["dump", "files"]
    """What a command in the service's container printed, or the volume's own files as tar."""
    restore: tuple[str, ...]
    """The command in the service's container that reads a dump."""
    dependents: tuple[str, ...]
    """Services that must not start before the data is in again."""
    driver: str
    options: dict[str, str]
    labels: dict[str, str]
    taken_at: str
    interruption_seconds: float
    """How long its service stood for the copy, without what the stop of the manager's engine added."""


class DownEntry(_Entry):
    """Tasks of a service that stopped with the manager's engine."""

    service: str
    tasks: int
    running: int
    """How many it had in the whole swarm."""
    seconds: float
    is_over: bool
    """Whether as many ran again at the end; else they were down for *seconds* at least."""


class ImageEntry(_Entry):
    reference: str
    file: str


class Manifest(_Entry):
    """What a backup is of, and what must be in it."""

    format: int = FORMAT
    made_at: str
    """UTC, ISO 8601."""
    cluster: str
    cluster_id: str
    host: str
    """The manager whose state it is."""
    node_id: str
    advertise_addr: str
    engine_version: str
    autolock: bool
    unlock_key_id: str
    """Tells unlock keys apart without telling one; empty where managers do not lock."""
    stopped_seconds: float
    """How long that manager's engine was stopped."""
    nodes: tuple[NodeEntry, ...]
    services: tuple[str, ...]
    volumes: tuple[VolumeEntry, ...]
    images: tuple[ImageEntry, ...]
    files: dict[str, FileEntry]
    down: tuple[DownEntry, ...] = ()
    """In the order of their names."""
    ca_rotations: int = 0
    """ForceRotate of the swarm's CAConfig: a forced new cluster that names another number rotates the CA."""
    lock: str = ""
    """Token of the lock by which the backup held the cluster: the state has it, and nobody gives it back there."""

    @property
    def managers(self) -> list[str]:
        """Names of the nodes that were managers."""
        return [node.name for node in self.nodes if node.role == "manager"]

    @property
    def identity(self) -> str:
        """What tells this backup from every other."""
        return f"{self.cluster_id}@{self.made_at}"


def key_id(unlock_key: Secret) -> str:
    """Return what names an unlock key; it is random and long enough that its hash tells nothing of it."""
    return hashlib.sha256(unlock_key.reveal()).hexdigest()[:16] if len(unlock_key) else ""
