"""Room for a backup, and for what is unpacked from one, is asked for before any host is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from pyrage import x25519

from swarmkit.errors import InputError, SwarmkitError
from swarmkit.recovery import backup_folder
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.archive_writer import SUFFIX
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.recovery.manifest import FileEntry, ImageEntry, Manifest
from swarmkit.secret import Secret
from swarmkit.workflows.backed_up_data import unpack_images


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes free on every disk, to be changed: there is no disk here that a test may fill."""
    left = [10**12]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - left[0], left[0]))
    return left


def test_a_folder_on_a_full_disk_is_refused(tmp_path: Path, free: list[int]) -> None:
    backup_folder.check_folder(tmp_path)
    free[0] = 2_000_000
    with pytest.raises(InputError, match="has 2 MB free, a backup needs 34 MB"):
        backup_folder.check_folder(tmp_path)


def test_less_room_than_the_newest_backup_took_is_warned_of(tmp_path: Path, free: list[int]) -> None:
    for day, size in ((1, 9_000_000), (2, 5_000_000)):
        (tmp_path / f"shop-2026010{day}T000000Z{SUFFIX}").write_bytes(b"x" * size)
    (tmp_path / f"other-20260103T000000Z{SUFFIX}").write_bytes(b"x" * 9_000_000)
    free[0] = 5_000_000
    assert list(backup_folder.little_room(tmp_path, "shop")) == []
    free[0] = 4_999_999
    (warning,) = backup_folder.little_room(tmp_path, "shop")
    assert (warning.code, warning.severity, warning.where) == ("B52", "warning", str(tmp_path))
    assert warning.what == f"it has 5 MB free, and shop-20260102T000000Z{SUFFIX} took 5 MB"
    assert list(backup_folder.little_room(tmp_path, "first")) == []


def test_images_that_the_temporary_folder_has_no_room_for_are_not_unpacked(tmp_path: Path, free: list[int]) -> None:
    entries = (ImageEntry(reference="web:1", file="image.1"), ImageEntry(reference="db:1", file="image.2"))
    files = {entry.file: FileEntry(bytes=3_000_000, sha256="") for entry in entries}
    manifest = Manifest.model_construct(images=entries, files=files)
    free[0] = 5_000_000
    with pytest.raises(InputError, match="5 MB free, unpacking the backup's images needs 6 MB"):
        unpack_images(Archive(tmp_path / "a.age", Opener(Secret(b"a")), manifest, {}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def write_to_a_full_disk(sealer: Sealer) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, sealer.sealing(full) as sink:
        for _ in range(10):
            sink.write(b"x" * 1_000_000)


def test_a_disk_that_is_full_in_the_middle_ends_the_backup_with_why_and_what_to_do() -> None:
    sealer = Sealer(recipients=[str(x25519.Identity.generate().to_public())])
    with pytest.raises(SwarmkitError) as caught:
        write_to_a_full_disk(sealer)
    assert "No space left on device" in caught.value.why
    assert "run the same again" in caught.value.to_do
