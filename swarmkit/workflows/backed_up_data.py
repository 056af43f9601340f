"""What is in a backup for the volumes and the hosts of a fresh cluster."""

from __future__ import annotations

import functools
from pathlib import Path

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError
from swarmkit.plan.data.putting import VolumeData
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.backup_folder import check_room


def volume_data(archive: Archive) -> dict[str, VolumeData]:
    """Return what the archive holds for each volume, by the volume's name."""
    manifest = archive.manifest
    return {
        entry.name: VolumeData(
            name=entry.name,
            service=entry.service,
            restore=entry.restore,
            dependents=entry.dependents,
            driver=entry.driver,
            options=entry.options,
            labels=entry.labels,
            backup=manifest.identity,
            taken_at=entry.taken_at,
            size_bytes=manifest.files[entry.file].bytes,
            sha256=manifest.files[entry.file].sha256,
            stream=functools.partial(archive.stream, entry.file),
        )
        for entry in manifest.volumes
    }


def unpack_images(archive: Archive, folder: Path) -> None:
    """Write the archive's images into *folder*, each as a docker-archive file.

    Raises InputError where it has no room for all of them.
    """
    needed = sum(archive.manifest.files[entry.file].bytes for entry in archive.manifest.images)
    check_room(folder, needed, "unpacking the backup's images", "make room there, or set TMPDIR to another")
    for entry in archive.manifest.images:
        with (folder / f"{entry.file}.tar").open("wb") as file:
            for data in archive.stream(entry.file):
                file.write(data)


def check_cluster(archive: Archive, inventory: Inventory) -> None:
    """Raise InputError when the backup is of another cluster than the inventory."""
    found = archive.manifest.cluster
    if found != inventory.cluster:
        raise InputError(
            f"the backup {archive.path} is of cluster '{found}', the inventory says '{inventory.cluster}'",
            to_do="check swarm_cluster and the file",
        )
