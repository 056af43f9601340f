"""What a backup takes, and what it says of itself at its end."""

from __future__ import annotations

import datetime
import urllib.parse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.data.taking import TakenVolume
from swarmkit.plan.declaration import Declared
from swarmkit.plan.export.stack import stack_names
from swarmkit.plan.model import Plan
from swarmkit.plan.states.backup_plans import Taking, image_file
from swarmkit.plan.states.operations import TakenState
from swarmkit.plan.states.stopped_manager import TAKE_STATE
from swarmkit.recovery.archive_writer import STATE, UNLOCK_KEY, ArchiveWriter
from swarmkit.recovery.manifest import DownEntry, ImageEntry, Manifest, NodeEntry, VolumeEntry, key_id
from swarmkit.workflows.export import exported


@dataclass
class Archiver:
    """Takes what the plan's operations bring into the archive, once that is open."""

    now: datetime.datetime
    writer: ArchiveWriter | None = None
    state: TakenState | None = None
    volumes: list[TakenVolume] = field(default_factory=list)

    @property
    def open(self) -> ArchiveWriter:
        assert self.writer is not None  # noqa: S101 - operations run while it is open
        return self.writer

    def take_state(self, state: TakenState) -> None:
        self.state = state
        self.open.add(STATE, state.archive)

    @property
    def taking(self) -> Taking:
        return Taking(lambda name: self.open.adding(name), self.take_state, self.volumes.append)


@dataclass(frozen=True)
class Seen:
    """What a look found, and what is planned by it."""

    plan: Plan
    observed: Observed
    cluster: ClusterState


def finish(declared: Declared, seen: Seen, archiver: Archiver, enclosed: Mapping[str, bytes], *, lock: str) -> Manifest:
    """Add what is small, and the manifest at the end; *lock* is the token of the lock that is held meanwhile."""
    plan, observed, cluster = seen.plan, seen.observed, seen.cluster
    state, writer = archiver.state, archiver.open
    assert state is not None  # noqa: S101 - the plan's last operation brought it
    for name, content in enclosed.items():
        writer.add(name, content)
    for stack in stack_names(cluster):
        # A stack's name is a label, which anybody can set to anything.
        name = f"running-{urllib.parse.quote(stack, safe='')}.yaml"
        writer.add(name, exported(declared.inventory, stack, observed).text.encode())
    if len(state.unlock_key):
        writer.add(UNLOCK_KEY, state.unlock_key.reveal())
    host = next(operation.step.target for operation in plan.operations if operation.step.key == TAKE_STATE)
    engine = observed.hosts[host].engine
    images = [operation.step.summary.removeprefix("save ") for operation in plan.operations
              if operation.step.subject == "image"]  # fmt: skip
    manifest = Manifest(
        made_at=archiver.now.isoformat(timespec="seconds"),
        cluster=declared.inventory.cluster,
        cluster_id=cluster.id,
        host=host,
        node_id=engine.node_id,
        advertise_addr=engine.node_addr,
        engine_version=engine.version,
        autolock=bool(len(state.unlock_key)),
        unlock_key_id=key_id(state.unlock_key),
        stopped_seconds=state.stopped_seconds,
        nodes=_nodes(observed, cluster),
        services=tuple(service.name for service in cluster.services),
        volumes=tuple(_volume_entry(taken, archiver.now) for taken in archiver.volumes),
        images=tuple(ImageEntry(reference=name, file=image_file(n)) for n, name in enumerate(images, 1)),
        files=dict(writer.files),
        down=tuple(DownEntry(**{**asdict(one), "seconds": round(one.seconds, 3)}) for one in state.down),
        ca_rotations=cluster.ca_rotations,
        lock=lock,
    )
    writer.finish(manifest)
    return manifest


def _nodes(observed: Observed, cluster: ClusterState) -> tuple[NodeEntry, ...]:
    names = {facts.engine.node_id: host for host, facts in observed.hosts.items()}
    return tuple(
        NodeEntry(
            name=names.get(node.id, node.hostname),
            id=node.id,
            role=node.role,
            address=node.address,
            labels=dict(node.labels),
        )
        for node in cluster.nodes
    )


def _volume_entry(taken: TakenVolume, now: datetime.datetime) -> VolumeEntry:
    volume = taken.volume
    return VolumeEntry(
        name=volume.name,
        host=volume.host,
        service=volume.service,
        file=volume.file,
        kind="dump" if volume.dump else "files",
        restore=volume.restore,
        dependents=volume.dependents,
        driver=taken.body["Driver"],
        options=taken.body["Options"],
        labels=taken.body["Labels"],
        taken_at=now.isoformat(timespec="seconds"),
        interruption_seconds=round(taken.interruption_seconds, 3),
    )
