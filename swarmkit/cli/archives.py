"""Options that open a backup, and showing what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.own_folder import own_folder
from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.declared.stack.image_archive import ImageArchive
    from swarmkit.plan.declaration import Declared
    from swarmkit.recovery.archive import Archive
    from swarmkit.recovery.manifest import Manifest
    from swarmkit.secret import Secret

file_path = click.Path(path_type=Path)
passphrase_option = click.option(
    "--passphrase-file", type=file_path, metavar="FILE", help="File of mode 0600 with the passphrase in one line."
)
identity_option = click.option("--identity", type=file_path, metavar="FILE", help="age key file, mode 0600.")
init_empty_option = click.option(
    "--init-empty", multiple=True, metavar="VOLUME", help="Let this volume start empty; one option for each."
)
archive_argument = click.argument("archive_file", metavar="ARCHIVE", type=file_path)


def passphrase(path: Path | None) -> Secret | None:
    return options.secret_line(path, "--passphrase-file") if path else None


def check_volumes(names: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise InputError when *names*, which shall start empty, has volumes that are not among those *known*."""
    there = list(known)
    if unknown := [name for name in names if name not in there]:
        raise InputError(
            f"--init-empty: no volume {', '.join(unknown)} in {where}", to_do=f"there are: {', '.join(there) or 'none'}"
        )


def stacks_volumes(declared: Declared) -> list[str]:
    """Return the names in the swarm of the volumes that the stack has."""
    return [volume.name for volume in declared.stack.volumes] if declared.stack else []


def open_archive(
    path: Path, passphrase_file: Path | None, identity: Path | None, *, for_its_state: bool = False
) -> Archive:
    """Return the backup at *path* once all of it was checked, and show what it is of.

    The unlock key of managers that lock is tried *for_its_state* alone: a rebuild needs neither.
    """
    from swarmkit.recovery.archive import check_lock, read
    from swarmkit.recovery.keys import Opener

    if not path.is_file():
        raise InputError(f"no backup {path}", to_do="list what a folder has: swarmkit backup ls FOLDER")
    key = options.secret_file(identity, "--identity") if identity else None
    archive = read(path, Opener(passphrase(passphrase_file), key))
    if for_its_state:
        check_lock(archive)
    _show(archive.manifest)
    return archive


def images(resources: ExitStack, archive: Archive, folder: Path | None) -> dict[str, ImageArchive]:
    """Return the images in *folder*, or those of the backup where none is given; they last as long as *resources*."""
    from swarmkit.declared.stack.image_archive import read_image_archives
    from swarmkit.workflows.backed_up_data import unpack_images

    if folder is None:
        if not archive.manifest.images:
            return {}
        folder = resources.enter_context(own_folder("images"))
        unpack_images(archive, folder)
    return read_image_archives(folder)


def _show(manifest: Manifest) -> None:
    click.echo(f"backup of cluster {manifest.cluster} ({manifest.cluster_id}), made {manifest.made_at}: whole")
    click.echo(f"  state of {manifest.host} at {manifest.advertise_addr}, engine {manifest.engine_version}")
    if manifest.autolock:
        click.echo(f"  managers lock, the unlock key is in it: key id {manifest.unlock_key_id}")
    click.echo(f"  nodes     {', '.join(node.name for node in manifest.nodes)}")
    click.echo(f"  services  {', '.join(manifest.services) or 'none'}")
    for volume in manifest.volumes:
        how = f"dumped, goes back by {volume.restore[0]}" if volume.kind == "dump" else "its files"
        click.echo(f"  volume    {volume.name} of {volume.service} on {volume.host}: {how}")
    if manifest.images:
        click.echo(f"  images    {', '.join(image.reference for image in manifest.images)}")
    click.echo(f"  files     {', '.join(f'{name} {entry.bytes} bytes' for name, entry in manifest.files.items())}")
