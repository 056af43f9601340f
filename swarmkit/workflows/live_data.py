"""The data of a running swarm's marked volumes, dumped while it serves; nothing is stopped and nothing is written."""

from __future__ import annotations

import datetime
import functools
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.data.putting import VolumeData
from swarmkit.plan.data.taking import DumpVolume, Put, TakenVolume
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import telling
from swarmkit.plan.states.backup_plans import Taking, backup_plan
from swarmkit.reach.fleet import reach
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.recovery.manifest import FileEntry
from swarmkit.secret import Secret
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError, whole

_READ_BYTES = 256 * 1024


@dataclass(frozen=True)
class LiveData:
    made_at: str
    volumes: dict[str, VolumeData]
    left_out: tuple[str, ...]
    """Volumes that are marked and can only be copied while their service stands."""


@dataclass
class _Folder:
    """Files that are encrypted for a key which is in memory only."""

    path: Path
    sealer: Sealer
    opener: Opener
    files: dict[str, FileEntry] = field(default_factory=dict)

    @contextmanager
    def adding(self, name: str) -> Iterator[Put]:
        digest, size = hashlib.sha256(), 0
        with (self.path / name).open("xb") as file, self.sealer.sealing(file) as sink:

            def put(data: bytes) -> None:
                nonlocal size
                digest.update(data)
                size += len(data)
                sink.write(data)

            yield put
        self.files[name] = FileEntry(bytes=size, sha256=digest.hexdigest())

    def stream(self, name: str) -> Iterator[bytes]:
        with self.opener.opening(self.path / name) as content:
            while data := content.read(_READ_BYTES):
                yield data


def dump_live(declared: Declared, folder: Path, terms: Terms) -> LiveData | None:
    """Dump into *folder* what the stack marks with a dump command; None when nobody agreed.

    Raises RefusedError or IncompleteError.
    """
    from pyrage import x25519

    identity = x25519.Identity.generate()
    sealer = Sealer(recipients=(str(identity.to_public()),))
    kept = _Folder(folder, sealer, Opener(identity=Secret(str(identity).encode())))
    taken: list[TakenVolume] = []
    made_at = datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds")
    terms.progress.phase("connect")
    with reach(declared.inventory, sudo_password=terms.sudo_password, on_waiting=telling(terms.progress)) as fleet:
        terms.progress.phase("observe")
        observed = observe(fleet, kernel="never")
        taking = Taking(kept.adding, lambda _: None, taken.append)
        plan = backup_plan(declared.inventory, declared.stack, observed, taking, with_images=False)
        if plan.refusals or observed.cluster is None:
            raise RefusedError(plan)
        dumps = [operation for operation in plan.operations if isinstance(operation, DumpVolume)]
        alone = tuple(replace(one, step=replace(one.step, after=frozenset())) for one in dumps)
        # No engine is stopped for it: nothing moves away from its data.
        warnings = tuple(warning for warning in plan.warnings if warning.code != "H52")
        if not terms.confirm(Plan(alone, (), warnings)):
            return None
        terms.progress.phase("dump")
        whole(apply(Plan(alone), Context(fleet, terms.progress, observed.cluster.told_by)))
    marked = {volume.name for volume in declared.stack.volumes if volume.backup} if declared.stack else set()
    volumes = {one.volume.name: _data(one, kept, made_at) for one in taken}
    return LiveData(made_at, volumes, tuple(sorted(marked - volumes.keys())))


def _data(taken: TakenVolume, kept: _Folder, made_at: str) -> VolumeData:
    volume, entry = taken.volume, kept.files[taken.volume.file]
    return VolumeData(
        name=volume.name,
        service=volume.service,
        restore=volume.restore,
        dependents=volume.dependents,
        driver=taken.body["Driver"],
        options=taken.body["Options"],
        labels=taken.body["Labels"],
        backup=f"live@{made_at}",
        taken_at=made_at,
        size_bytes=entry.bytes,
        sha256=entry.sha256,
        stream=functools.partial(kept.stream, volume.file),
    )
