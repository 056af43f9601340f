"""The archive of a backup: a tar with a manifest, encrypted by age (https://age-encryption.org/v1), mode 0600."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, ValidationError

from swarmkit.errors import InputError
from swarmkit.recovery.keys import Opener, Sealer

MANIFEST, STATE, UNLOCK_KEY = "manifest.json", "swarm.tar.gz", "unlock-key"
SUFFIX = ".swarmkit.age"


class FileEntry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup is of, and what must be in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = 1
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
    nodes: tuple[str, ...]
    services: tuple[str, ...]
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class Archive:
    manifest: Manifest
    files: Mapping[str, bytes]


def entries(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    return {name: FileEntry(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in files.items()}


def write(path: Path, archive: Archive, sealer: Sealer) -> int:
    """Write *archive* to *path*, whole or not at all, and return its size in bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in {MANIFEST: archive.manifest.model_dump_json(indent=2).encode(), **archive.files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            tar.addfile(entry, io.BytesIO(data))
    sealed = sealer.seal(packed.getvalue())
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return len(sealed)


def read(path: Path, opener: Opener) -> Archive:
    """Return what is in the archive at *path*, after all of it was checked.

    Raises InputError when it cannot be opened with the key, was changed, is cut off, or holds what no backup holds.
    """
    try:
        sealed = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the backup {path}: {error.strerror}") from error
    files = _unpack(path, opener.open(sealed, path))
    try:
        manifest = Manifest.model_validate_json(files.pop(MANIFEST, b""))
    except ValidationError as error:
        raise _refused(path, f"its manifest is not of a backup: {error.error_count()} errors") from error
    if manifest.format != 1:
        raise _refused(path, f"its format is {manifest.format}, this program reads 1")
    if entries(files) != manifest.files:
        raise _refused(path, "its files are not those of its manifest")
    _check_state(path, files.get(STATE, b""))
    return Archive(manifest, files)


def _unpack(path: Path, packed: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or member.name in files or "/" in member.name:
                    raise _refused(path, f"it holds {member.name!r}, which no backup does")
                files[member.name] = content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _refused(path, str(error)) from error
    return files


def _check_state(path: Path, state: bytes) -> None:
    """Refuse a swarm state that would be unpacked anywhere but into its own folder."""
    names: set[str] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(state), mode="r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if name.parts[:1] != ("swarm",) or ".." in name.parts or not (member.isreg() or member.isdir()):
                    raise _refused(path, f"the state in it holds {member.name!r}")
                names.add(str(name))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _refused(path, f"the state in it cannot be unpacked: {error}") from error
    if missing := {"swarm/docker-state.json", "swarm/certificates/swarm-node.crt"} - names:
        raise _refused(path, f"the state in it lacks {', '.join(sorted(missing))}")


def _refused(path: Path, why: str) -> InputError:
    return InputError(f"the backup {path} cannot be used: {why}", to_do="nothing was changed; take another backup file")
