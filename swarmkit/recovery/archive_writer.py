"""Writing a backup's archive: a tar of pieces with the manifest at its end, sealed as it grows, mode 0600.

Nothing of it is ever whole in memory: a file of unknown length is a sequence of pieces ``NAME.00001``, ``NAME.00002``.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.recovery.keys import UNWRITTEN_TO_DO, Sealer, Sink
from swarmkit.recovery.manifest import FileEntry, Manifest

MANIFEST, STATE, UNLOCK_KEY, INVENTORY = "manifest.json", "swarm.tar.gz", "unlock-key", "inventory.yaml"
SUFFIX = ".swarmkit.age"
PIECE_BYTES = 4 * 1024 * 1024


class ArchiveWriter:
    """Takes one file after another, then the manifest."""

    def __init__(self, sink: Sink) -> None:
        self._tar = tarfile.open(fileobj=sink, mode="w")  # type: ignore[call-overload] # noqa: SIM115 - see finish
        self._one_at_a_time = threading.Lock()
        self.files: dict[str, FileEntry] = {}

    def add(self, name: str, content: bytes) -> None:
        with self.adding(name) as put:
            put(content)

    @contextmanager
    def adding(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """Yield what takes the bytes of file *name*, however many come."""
        with self._one_at_a_time:
            held, size, digest, pieces = bytearray(), 0, hashlib.sha256(), 0

            def put(data: bytes) -> None:
                nonlocal size, pieces
                held.extend(data)
                digest.update(data)
                size += len(data)
                while len(held) >= PIECE_BYTES:
                    pieces += 1
                    self._piece(f"{name}.{pieces:05}", bytes(held[:PIECE_BYTES]))
                    del held[:PIECE_BYTES]

            yield put
            if held or not pieces:
                self._piece(f"{name}.{pieces + 1:05}", bytes(held))
            self.files[name] = FileEntry(bytes=size, sha256=digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        self._piece(MANIFEST, manifest.model_dump_json(indent=2).encode())
        self._tar.close()

    def _piece(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o600
        self._tar.addfile(entry, io.BytesIO(content))


@contextmanager
def writing(path: Path, sealer: Sealer, check: Callable[[Path], object] = lambda _: None) -> Iterator[ArchiveWriter]:
    """Yield what writes the archive that *path* is afterwards; nothing is left of one whose block failed.

    Nor of one that *check*, which gets the file under the name of before, raises for.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            with sealer.sealing(file) as sink:
                yield ArchiveWriter(sink)
            file.flush()
            os.fsync(file.fileno())
        check(partial)
        if path.exists():
            raise SwarmkitError(f"there is a file {path} already")
        partial.rename(path)
        # Its name too, before older backups are removed for it: a power cut would leave the part alone, which the next
        # backup takes for one that was killed.
        _sync_folder(path.parent)
    except OSError as error:
        raise SwarmkitError(f"the backup {path} could not be written", str(error), UNWRITTEN_TO_DO) from error
    finally:
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Not every file system can (CIFS for one); the file itself is whole.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
