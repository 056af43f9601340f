"""`swarmkit backup` and `swarmkit restore`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from swarmkit.cli import archives, options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.group import Group
from swarmkit.cli.own_folder import own_folder
from swarmkit.cli.recover import end_recovery
from swarmkit.cli.up import images_option
from swarmkit.errors import InputError


class _TakeByDefault(Group):
    """A group whose options alone mean `take`: `swarmkit backup -i FILE -o DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_option = bool(args) and args[0].startswith("-") and args[0] not in ctx.help_option_names
        return super().parse_args(ctx, ["take", *args] if is_option else args)


@click.group(cls=_TakeByDefault)
def backup() -> None:
    """The swarm in one encrypted file: its state, the volumes that the stack marks, the images on request.

    Options alone take a backup: swarmkit backup -i FILE -f STACK -o DIR --recipient age1...; see take --help.
    """


@backup.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@click.option(
    "-o", "--output", "folder", type=archives.file_path, required=True, metavar="DIR", help="Folder the backup goes to."
)
@click.option("--recipient", "recipients", multiple=True, metavar="age1...", help="Encrypt for this age key.")
@archives.passphrase_option
@click.option("--with-images", is_flag=True, help="Put the images of all services into it.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Remove all but the N newest of the cluster.")
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def take(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    folder: Path,
    recipients: tuple[str, ...],
    passphrase_file: Path | None,
    with_images: bool,
    keep: int | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Write the swarm's state, marked volumes, the inventory and every stack as it runs into an encrypted file.

    A volume is dumped by the command that the stack declares while its service goes on, or copied while it stands. The
    state is taken cold from the manager with the fewest tasks, without a service's volume and not the leader if there
    is such a one: its engine stops for the copy. How long each was interrupted is measured. The file has mode 0600.
    """
    from swarmkit.recovery.archive_writer import INVENTORY
    from swarmkit.recovery.interruptions import interruptions
    from swarmkit.recovery.keys import Sealer
    from swarmkit.workflows.backup import backup as back_up
    from swarmkit.workflows.inputs import read_declared

    _refuse_pipes(inventory_file, *stack_files)
    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    sealer = Sealer(archives.passphrase(passphrase_file), recipients)
    enclosed = {INVENTORY: inventory_file.read_bytes()}
    for number, file in enumerate(stack_files, start=1):
        enclosed["stack.yaml" if number == 1 else f"stack-{number}.yaml"] = file.read_bytes()
    with command_run(
        "backup take",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        question=f"back cluster '{declared.inventory.cluster}' up this way?",
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        report = back_up(
            declared, run.terms, enclosed=enclosed, folder=folder, sealer=sealer, keep=keep, with_images=with_images
        )
    if report:
        click.echo(f"{report.path}  {report.bytes} bytes, {', '.join(interruptions(report.manifest))}")
        for old in report.removed:
            click.echo(f"removed {old}")


def _refuse_pipes(*files: Path) -> None:
    """Raise InputError for what can be read once: it is read for the plan, and goes into the backup as it is."""
    if piped := [str(file) for file in files if str(file) == "-" or (file.exists() and not file.is_file())]:
        raise InputError(
            f"{', '.join(piped)}: no regular file, and inventory and stack go into the backup as they are",
            to_do="write it into a file, and give that",
        )


@backup.command()
@click.argument("folder", type=archives.file_path)
def ls(*, folder: Path) -> None:
    """List the backups in FOLDER, the newest first, and what those that were killed have left; opens none."""
    from swarmkit.recovery.kept_backups import backups_in, unfinished_in

    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    backups = list(backups_in(folder))
    for path in backups:
        click.echo(f"{path}  {path.stat().st_size} bytes")
    if not backups:
        click.echo(f"no backup in {folder}", err=True)
    for path in unfinished_in(folder):
        told = "unfinished, as one that was killed leaves it; the cluster's next backup into this folder removes it"
        click.echo(f"{path}  {path.stat().st_size} bytes, {told}", err=True)


@backup.command()
@archives.archive_argument
@archives.passphrase_option
@archives.identity_option
@click.option("--in-lab", is_flag=True, help="Restore it on lab hosts of this machine, too, and run the proof there.")
@images_option
def verify(
    *,
    archive_file: Path,
    passphrase_file: Path | None,
    identity: Path | None,
    in_lab: bool,
    images_folder: Path | None,
) -> None:
    """Open ARCHIVE and check every byte of it; contacts no host of the swarm.

    With --in-lab the backup is restored, too: on a twin of the hosts of the inventory that is in it, see rehearse.
    """
    archive = archives.open_archive(archive_file, passphrase_file, identity, for_its_state=True)
    if not in_lab:
        return
    from swarmkit.cli.rehearsing.drill import Drill, enclosed_inventory, run_drill
    from swarmkit.cli.rehearsing.images import check_restored

    with ExitStack() as resources:
        folder = resources.enter_context(own_folder("inventory"))
        inventory = enclosed_inventory(archive, folder)
        images = archives.images(resources, archive, images_folder)
        check_restored(archive, images)
        if not run_drill(Drill(inventory, archive.manifest.made_at, archive, images=images)):
            sys.exit(4)


@click.command()
@archives.archive_argument
@options.inventory_option
@click.option("--lost", multiple=True, metavar="HOST", help="A manager that is off for good; one option for each.")
@click.option("--new-addresses", is_flag=True, help="Let every other node leave and join the manager's new address.")
@archives.init_empty_option
@images_option
@archives.passphrase_option
@archives.identity_option
@options.yes_option
@options.override_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def restore(
    *,
    archive_file: Path,
    inventory_file: Path,
    lost: tuple[str, ...],
    new_addresses: bool,
    init_empty: tuple[str, ...],
    images_folder: Path | None,
    passphrase_file: Path | None,
    identity: Path | None,
    yes: bool,
    overridden: tuple[str, ...],
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Let the host that ARCHIVE is of go on as the swarm's manager, with the state of then.

    Refused before anything is touched while any manager of the swarm may be alive, for a host that is in another swarm,
    and for a file that was changed or is of another cluster. A manager of then that the inventory does not have is
    looked for at its address of then; --lost says that it is off for good.

    What lies on the host is moved aside. Hosts that are in no swarm join, and workers that joined after the backup join
    anew; the others go on. A volume that is on its host stays as it is; one that is lost gets its data of the backup
    before anybody uses it. Run it again when it was cut off: it continues.

    Where the host has another address than then, every other node leaves and joins anew: --new-addresses.
    """
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.restore import restore as bring_back
    from swarmkit.workflows.restore_scene import Agreed

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    content = archives.open_archive(archive_file, passphrase_file, identity)
    options.check_hosts(declared.inventory, lost, backed_up=content.manifest.managers)
    archives.check_volumes(init_empty, [volume.name for volume in content.manifest.volumes], "the backup")
    with ExitStack() as resources:
        images = archives.images(resources, content, images_folder)
        agreed = Agreed(frozenset(lost), frozenset(init_empty), new_addresses, images, frozenset(overridden))
        run = resources.enter_context(
            command_run(
                "restore",
                declared,
                yes=yes,
                ask_become_pass=ask_become_pass,
                question=f"restore cluster '{declared.inventory.cluster}' this way?",
                lock_wait_seconds=lock_wait_seconds,
            )
        )
        report = bring_back(declared.inventory, content, agreed, run.terms)
        if report is not None:
            run.shown.rest()
            end_recovery(report)
