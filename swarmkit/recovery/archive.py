"""Reading a backup's archive: all of it is checked before any of it is used."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from swarmkit.errors import InputError
from swarmkit.recovery.archive_writer import MANIFEST, STATE, UNLOCK_KEY
from swarmkit.recovery.keys import Opener
from swarmkit.recovery.locked_state import unlocked_state
from swarmkit.recovery.manifest import FORMAT, FileEntry, Manifest, key_id
from swarmkit.secret import Secret

_PIECE = re.compile(r"(?P<file>[^/]+)\.(?P<number>\d{5})")
_STREAMED = ("volume.", "image.")
"""How the names of files begin that are never kept in memory."""
_READ_BYTES = 256 * 1024


@dataclass(frozen=True)
class Archive:
    """A backup that was checked whole; its large files are read from disk again, each time they are asked for."""

    path: Path
    opener: Opener = field(repr=False)
    manifest: Manifest
    small: Mapping[str, bytes] = field(repr=False)

    @property
    def unlock_key(self) -> Secret:
        return Secret(self.small.get(UNLOCK_KEY, b""))

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of file *name*; raises InputError when they are not those that were checked."""
        digest = hashlib.sha256()
        for found, data in _pieces(self.path, self.opener):
            if found == name:
                digest.update(data)
                yield data
        if digest.hexdigest() != self.manifest.files[name].sha256:
            raise _refused(self.path, f"{name} is not what it was a moment ago")


def read(path: Path, opener: Opener) -> Archive:
    """Return the archive at *path*, after all of it was checked.

    Raises InputError when it cannot be opened with the key, was changed, is cut off, or holds what no backup holds.
    """
    digests: dict[str, tuple[int, hashlib._Hash]] = {}
    small: dict[str, bytearray] = {}
    for name, data in _pieces(path, opener):
        size, digest = digests.setdefault(name, (0, hashlib.sha256()))
        digest.update(data)
        digests[name] = (size + len(data), digest)
        if not name.startswith(_STREAMED):
            small.setdefault(name, bytearray()).extend(data)
    found = {name: FileEntry(bytes=size, sha256=digest.hexdigest()) for name, (size, digest) in digests.items()}
    manifest = _manifest(path, bytes(small.pop(MANIFEST, b"")))
    found.pop(MANIFEST, None)
    if found != manifest.files:
        raise _refused(path, "its files are not those of its manifest")
    archive = Archive(path, opener, manifest, {name: bytes(data) for name, data in small.items()})
    _check_state(path, archive.small.get(STATE, b""))
    _check_contents(archive)
    return archive


def check_lock(archive: Archive) -> None:
    """Raise InputError when the unlock key in *archive* does not open its state: a rebuild needs neither."""
    if archive.manifest.autolock:
        unlocked_state(archive.small[STATE], archive.unlock_key)


def _pieces(path: Path, opener: Opener) -> Iterator[tuple[str, bytes]]:
    """Yield every piece of every file with the file's name, in the archive's order, the manifest last."""
    if not path.is_file():
        why = "it is no regular file" if path.exists() else "no such file"
        raise InputError(f"cannot read the backup {path}: {why}")
    numbers: dict[str, int] = {}
    with opener.opening(path) as content:
        try:
            with tarfile.open(fileobj=content, mode="r|") as tar:
                for member in tar:
                    yield from _members_pieces(path, tar, member, numbers)
        except (tarfile.TarError, EOFError) as error:
            raise _refused(path, str(error)) from error
        # age tells only at its end that nothing is cut off.
        while content.read(_READ_BYTES):
            pass


def _members_pieces(
    path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, numbers: dict[str, int]
) -> Iterator[tuple[str, bytes]]:
    match = _PIECE.fullmatch(member.name)
    name = match["file"] if match else member.name
    data = tar.extractfile(member) if member.isreg() else None
    expected = numbers.get(name, 0) + 1
    if data is None or MANIFEST in numbers or (int(match["number"]) != expected if match else name != MANIFEST):
        raise _refused(path, f"it holds {member.name!r}, which no backup does")
    numbers[name] = expected
    yield name, b""
    while part := data.read(_READ_BYTES):
        yield name, part


def _manifest(path: Path, text: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise _refused(path, f"its manifest is not of a backup: {error.error_count()} errors") from error
    if manifest.format != FORMAT:
        raise _refused(path, f"its format is {manifest.format}, this program reads {FORMAT}")
    return manifest


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


def _check_contents(archive: Archive) -> None:
    manifest = archive.manifest
    if manifest.unlock_key_id != key_id(archive.unlock_key) or manifest.autolock != bool(manifest.unlock_key_id):
        raise _refused(archive.path, "its unlock key is not the one of its manifest")
    needed = [volume.file for volume in manifest.volumes] + [image.file for image in manifest.images]
    if missing := set(needed) - manifest.files.keys():
        raise _refused(archive.path, f"it lacks {', '.join(sorted(missing))}")
    for volume in manifest.volumes:
        if volume.kind == "files":
            _check_tree(archive, volume.file)


def _check_tree(archive: Archive, name: str) -> None:
    """Refuse a volume's files that would be unpacked outside of it.

    Links, named pipes (of a mail spool) and device nodes (of an engine in a container) are the volume's own content.
    """
    try:
        with tarfile.open(fileobj=_Reader(archive.stream(name)), mode="r|") as tar:  # type: ignore[call-overload]
            for member in tar:
                parts = PurePosixPath(member.name).parts
                if member.name.startswith("/") or ".." in parts:
                    raise _refused(archive.path, f"{name} in it holds {member.name!r}")
    except (tarfile.TarError, EOFError) as error:
        raise _refused(archive.path, f"{name} in it cannot be unpacked: {error}") from error


@dataclass
class _Reader:
    """An iterator of bytes as the stream that tarfile reads."""

    chunks: Iterator[bytes]
    held: bytes = b""

    def read(self, size: int) -> bytes:
        while len(self.held) < size and (more := next(self.chunks, None)) is not None:
            self.held += more
        data, self.held = self.held[:size], self.held[size:]
        return data


def _refused(path: Path, why: str) -> InputError:
    return InputError(f"the backup {path} cannot be used: {why}", to_do="nothing was changed; take another backup file")
