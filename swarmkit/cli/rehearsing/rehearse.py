"""`swarmkit rehearse`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import archives, options
from swarmkit.cli.own_folder import own_folder
from swarmkit.cli.rehearsing.images import check_declared, check_restored
from swarmkit.cli.up import images_option
from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.cli.rehearsing.drill import Drill
    from swarmkit.plan.declaration import Declared
    from swarmkit.recovery.archive import Archive
    from swarmkit.secret import Secret


@click.command()
@click.argument("archive_file", metavar="[ARCHIVE]", type=archives.file_path, required=False)
@click.option("--live", is_flag=True, help="With the data of now, dumped from the running swarm; needs -f.")
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@archives.passphrase_option
@archives.identity_option
@archives.init_empty_option
@images_option
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
def rehearse(
    *,
    archive_file: Path | None,
    live: bool,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    passphrase_file: Path | None,
    identity: Path | None,
    init_empty: tuple[str, ...],
    images_folder: Path | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
) -> None:
    """Recover on a twin: lab hosts of this machine with the names, roles and labels of the inventory's.

    From ARCHIVE the swarm's state is restored there, or with -f the stack is rebuilt with the backup's data. With
    --live the data is dumped from the running swarm, by the commands that the stack file declares for backups, and
    the stack is rebuilt with it; nothing is stopped and nothing is written there. Then the proof is run, the time to
    recover and the age of the data are told, and the twin is ended. No real host is contacted but for --live.
    """
    from swarmkit.cli.rehearsing.drill import run_drill
    from swarmkit.workflows.inputs import read_declared

    if (archive_file is None) != live:
        raise InputError("give a backup's file or --live, one of both")
    if live and not stack_files:
        raise InputError("--live rebuilds a stack: give its file with -f")
    if init_empty and not stack_files:
        raise InputError("--init-empty is for the volumes of a stack that is rebuilt: give its file with -f")
    declared = read_declared(
        inventory_file,
        stack_files,
        stack_name=stack_name,
        images=images_folder,
        allow_even_managers=allow_even_managers,
        to_deploy=True,
    )
    archives.check_volumes(init_empty, archives.stacks_volumes(declared), "the stack")
    password = options.sudo_password(ask=ask_become_pass) if live else None
    with ExitStack() as resources:
        if archive_file is None:
            check_declared(declared)
            drill = _live(resources, declared, init_empty, password, yes=yes)
        else:
            drill = _of_archive(
                resources, declared, archives.open_archive(archive_file, passphrase_file, identity), init_empty,
                images_folder,
            )  # fmt: skip
        if drill is not None and not run_drill(drill):
            sys.exit(4)


def _of_archive(
    resources: ExitStack, declared: Declared, archive: Archive, init_empty: tuple[str, ...], folder: Path | None
) -> Drill:
    from swarmkit.cli.rehearsing.drill import Drill
    from swarmkit.plan.data.planning import DeclaredData
    from swarmkit.workflows.backed_up_data import check_cluster, volume_data

    check_cluster(archive, declared.inventory)
    images = archives.images(resources, archive, folder)
    made_at = archive.manifest.made_at
    if declared.stack is None:
        check_restored(archive, images)
        return Drill(declared.inventory, made_at, archive, images=images)
    data = DeclaredData(volume_data(archive), frozenset(init_empty))
    declared = replace(declared, archives={**declared.archives, **images}, data=data)
    check_declared(declared)
    return Drill(declared.inventory, made_at, rebuilt=declared)


def _live(
    resources: ExitStack, declared: Declared, init_empty: tuple[str, ...], password: Secret | None, *, yes: bool
) -> Drill | None:
    from swarmkit.cli.failures import shown_failures
    from swarmkit.cli.rehearsing.drill import Drill
    from swarmkit.plan.data.planning import DeclaredData
    from swarmkit.plan.model import Plan
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.plan_text import print_plan
    from swarmkit.workflows.live_data import dump_live
    from swarmkit.workflows.terms import Terms

    folder = resources.enter_context(own_folder("rehearsal"))
    with shown_failures(declared), progress_for(sys.stderr) as progress:

        def confirm(plan: Plan) -> bool:
            progress.rest()
            print_plan(results(), plan, cluster=declared.inventory.cluster)
            return options.confirmed("dump this, and rehearse with it?", yes=yes)

        data = dump_live(declared, folder, Terms(progress, confirm, password))
    if data is None:
        return None
    for name in data.left_out:
        click.echo(f"{name} can be copied only while its service stands: it is left out, and starts empty on the twin")
    given = DeclaredData(data.volumes, frozenset({*init_empty, *data.left_out}))
    return Drill(declared.inventory, data.made_at, rebuilt=replace(declared, data=given))
