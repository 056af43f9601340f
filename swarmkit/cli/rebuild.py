"""`swarmkit rebuild`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import archives, options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.own_folder import own_folder
from swarmkit.cli.up import images_option, print_report

if TYPE_CHECKING:
    from swarmkit.plan.declaration import Declared
    from swarmkit.recovery.archive import Archive


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@click.option(
    "--data", "archive_file", type=archives.file_path, metavar="ARCHIVE", help="Backup with the volumes' data."
)
@archives.passphrase_option
@archives.identity_option
@archives.init_empty_option
@images_option
@options.yes_option
@options.override_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
@options.timeout_option
def rebuild(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    archive_file: Path | None,
    passphrase_file: Path | None,
    identity: Path | None,
    init_empty: tuple[str, ...],
    images_folder: Path | None,
    yes: bool,
    overridden: tuple[str, ...],
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    timeout_seconds: float,
) -> None:
    """Make a fresh cluster of bare hosts, with the data of a backup in its volumes before anybody uses them.

    For the day when no swarm state is left. What depends on a service starts when that service's data is in; a volume
    that the stack declares and nobody has data for stops the plan. Volumes that are still on their hosts stay as they
    are. Run it again when it was cut off: it continues.
    """
    from swarmkit.workflows.up import up

    if not stack_files:
        raise click.UsageError("a cluster is rebuilt from its stack: give the file with -f")
    with ExitStack() as resources:
        archive = archives.open_archive(archive_file, passphrase_file, identity) if archive_file else None
        declared = _declared(
            resources, inventory_file, stack_files, stack_name, archive, init_empty, images_folder, overridden,
            allow_even_managers=allow_even_managers,
        )  # fmt: skip
        run = resources.enter_context(
            command_run(
                "rebuild",
                declared,
                yes=yes,
                ask_become_pass=ask_become_pass,
                service_timeout_seconds=timeout_seconds,
                lock_wait_seconds=lock_wait_seconds,
            )
        )
        report = up(declared, run.terms)
        print_report(report, declared, run.shown)
        if report.proof_failed:
            sys.exit(4)


def _declared(
    resources: ExitStack,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    archive: Archive | None,
    init_empty: tuple[str, ...],
    images_folder: Path | None,
    overridden: tuple[str, ...],
    *,
    allow_even_managers: bool,
) -> Declared:
    """Return what is declared, with the archive's data, and with its images where no folder of images is given."""
    from swarmkit.plan.data.planning import DeclaredData
    from swarmkit.workflows.backed_up_data import check_cluster, unpack_images, volume_data
    from swarmkit.workflows.inputs import read_declared

    if archive and images_folder is None and archive.manifest.images:
        images_folder = resources.enter_context(own_folder("images"))
        unpack_images(archive, images_folder)
    declared = read_declared(
        inventory_file,
        stack_files,
        stack_name=stack_name,
        images=images_folder,
        allow_even_managers=allow_even_managers,
        overridden=overridden,
        to_deploy=True,
    )
    archives.check_volumes(init_empty, archives.stacks_volumes(declared), "the stack")
    if archive:
        check_cluster(archive, declared.inventory)
    data = volume_data(archive) if archive else {}
    return replace(declared, data=DeclaredData(data, frozenset(init_empty)))
