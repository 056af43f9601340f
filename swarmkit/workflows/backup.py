"""`backup`: a swarm's state, its marked volumes and its images into one encrypted file."""

from __future__ import annotations

import datetime
import functools
import os
import urllib.parse
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from swarmkit.converge.wait import wakeups
from swarmkit.errors import InputError
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.backup_plans import Taking, backup_plan, image_file
from swarmkit.plan.context import Context
from swarmkit.plan.data.left_standing import left_standing
from swarmkit.plan.data.taking import TakenVolume
from swarmkit.plan.declaration import Declared
from swarmkit.plan.export.stack import stack_names
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.plan.state_operations import TakenState
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.recovery.archive_writer import STATE, SUFFIX, UNLOCK_KEY, ArchiveWriter, writing
from swarmkit.recovery.kept_backups import remove_old, remove_parts
from swarmkit.recovery.keys import Sealer
from swarmkit.recovery.manifest import ImageEntry, Manifest, NodeEntry, VolumeEntry, key_id
from swarmkit.secret import Secret
from swarmkit.workflows.export import exported
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.up import IncompleteError, RefusedError, Waiter

SERVICE_TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class BackupReport:
    path: Path
    bytes: int
    manifest: Manifest
    removed: tuple[Path, ...]
    """What backups of the cluster that were cut off had left, and older backups beyond those to keep."""


@dataclass
class _Archiver:
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
class _Seen:
    """What a look found, and what is planned by it."""

    plan: Plan
    observed: Observed
    cluster: ClusterState


def backup(
    declared: Declared,
    *,
    enclosed: Mapping[str, bytes],
    folder: Path,
    sealer: Sealer,
    keep: int | None,
    with_images: bool,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    lock_wait_seconds: float = 0.0,
) -> BackupReport | None:
    """Write a backup of the swarm into *folder*, with *enclosed* files beside its state; None when declined.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError; then no file is left.
    """
    _check_folder(folder)
    inventory, archiver = declared.inventory, _Archiver(datetime.datetime.now(tz=datetime.UTC))
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(inventory, sudo_password=sudo_password))
        look = functools.partial(_look, declared, fleet, archiver, with_images=with_images)
        progress.phase("observe")
        seen = look()
        if not confirm(seen.plan):
            return None
        writer = resources.enter_context(one_writer(fleet, seen.observed, progress, "backup", lock_wait_seconds))
        if writer.met_another:
            seen = look()
            if not confirm(seen.plan):
                return None
        progress.phase("apply")
        parts = remove_parts(folder, inventory.cluster)
        woken = resources.enter_context(wakeups(fleet))
        waiter = Waiter(fleet, woken, progress, SERVICE_TIMEOUT_SECONDS)
        context = Context(fleet, progress, seen.cluster.told_by, waiter.wait_for, guard=writer.guard)
        if left_standing(seen.cluster):
            _apply(seen.plan, context)
            progress.phase("observe again")
            seen = look(may_let_go=False)
            if not confirm(seen.plan):
                return None
            progress.phase("apply")
        path = folder / f"{inventory.cluster}-{archiver.now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        with writing(path, sealer) as archiver.writer:
            _apply(seen.plan, context)
            progress.phase("write")
            manifest = _finish(declared, seen, archiver, enclosed)
    removed = (*parts, *remove_old(path, inventory.cluster, keep))
    return BackupReport(path, path.stat().st_size, manifest, removed)


def _look(
    declared: Declared, fleet: Fleet, archiver: _Archiver, *, with_images: bool, may_let_go: bool = True
) -> _Seen:
    observed = observe(fleet, kernel="never")
    plan = backup_plan(
        declared.inventory,
        declared.stack,
        observed,
        archiver.taking,
        with_images=with_images,
        may_let_go=may_let_go,
    )
    if plan.refusals or observed.cluster is None:
        raise RefusedError(plan)
    return _Seen(plan, observed, observed.cluster)


def _apply(plan: Plan, context: Context) -> None:
    applied = apply(plan, context)
    if applied.failed:
        raise IncompleteError(applied)


def _finish(declared: Declared, seen: _Seen, archiver: _Archiver, enclosed: Mapping[str, bytes]) -> Manifest:
    """Add what is small, and the manifest at the end."""
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
    host = next(operation.step.target for operation in plan.operations if operation.step.key == "backup:state")
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


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(f"no folder {folder} for the backup", to_do=f"make it: mkdir -m 700 {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the folder {folder} cannot be written to")
    if folder.stat().st_mode & 0o002:
        raise InputError(f"everybody may write into the folder {folder}", to_do=f"take another, or: chmod o-w {folder}")
    resolved = folder.resolve()
    if repository := next((up for up in (resolved, *resolved.parents) if (up / ".git").exists()), None):
        raise InputError(
            f"the folder {folder} is in the git repository {repository}",
            to_do="take another: a backup holds every secret of the swarm, and a commit of it cannot be taken back",
        )
