"""`swarmkit backup` and `swarmkit restore`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.failures import shown_failures
from swarmkit.cli.journaled import journaled
from swarmkit.errors import InputError
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.journal.write import Journal
    from swarmkit.plan.model import Plan
    from swarmkit.recovery.archive import Archive
    from swarmkit.report.live import LiveProgress
    from swarmkit.report.plain import PlainProgress

_path = click.Path(path_type=Path)
_passphrase_option = click.option(
    "--passphrase-file", type=_path, metavar="FILE", help="File of mode 0600 with the passphrase in one line."
)
_identity_option = click.option("--identity", type=_path, metavar="FILE", help="age key file, mode 0600.")
_archive_argument = click.argument("archive_file", metavar="ARCHIVE", type=_path)


@click.group()
def backup() -> None:
    """The swarm's state in one encrypted file: take, list, check. Volumes are not in it."""


@backup.command()
@options.inventory_option
@options.stack_file_option
@click.option("-o", "--output", "folder", type=_path, required=True, metavar="DIR", help="Folder the backup goes to.")
@click.option("--recipient", "recipients", multiple=True, metavar="age1...", help="Encrypt for this age key.")
@_passphrase_option
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Remove all but the N newest of the cluster.")
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def take(
    *,
    inventory_file: Path,
    stack_file: Path | None,
    folder: Path,
    recipients: tuple[str, ...],
    passphrase_file: Path | None,
    keep: int | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Copy the swarm's state, taken cold from one manager, into an encrypted file of mode 0600.

    The manager with the fewest tasks is chosen, not the leader if there is another. Its engine is stopped for the copy,
    which the plan says, and how long is measured. The inventory and the stack file are enclosed.
    """
    from swarmkit.recovery.keys import Sealer
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.backup import backup as run
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, stack_file, allow_even_managers=allow_even_managers)
    sealer = Sealer(_passphrase(passphrase_file), recipients)
    enclosed = {"inventory.yaml": inventory_file.read_bytes()}
    if stack_file:
        enclosed["stack.yaml"] = stack_file.read_bytes()
    password = options.sudo_password(ask=ask_become_pass)
    cluster = declared.inventory.cluster
    with (
        journaled("backup take", declared.inventory) as journal,
        shown_failures(declared),
        progress_for(sys.stderr) as progress,
    ):
        report = run(
            declared.inventory,
            enclosed=enclosed,
            folder=folder,
            sealer=sealer,
            keep=keep,
            progress=journal.watching(progress),
            confirm=_asking(progress, journal, cluster, f"stop that engine and back cluster '{cluster}' up?", yes=yes),
            sudo_password=password,
            lock_wait_seconds=lock_wait_seconds,
        )
    if report:
        click.echo(f"{report.path}  {report.bytes} bytes, the engine was stopped for {report.stopped_seconds:.1f} s")
        for old in report.removed:
            click.echo(f"removed {old}")


@backup.command()
@click.argument("folder", type=_path)
def ls(*, folder: Path) -> None:
    """List the backups in FOLDER, the newest first; opens none."""
    from swarmkit.workflows.backup import backups_in

    if not folder.is_dir():
        raise InputError(f"no folder {folder}")
    for path in backups_in(folder):
        click.echo(f"{path}  {path.stat().st_size} bytes")


@backup.command()
@_archive_argument
@_passphrase_option
@_identity_option
def verify(*, archive_file: Path, passphrase_file: Path | None, identity: Path | None) -> None:
    """Open ARCHIVE and check every byte of it; contacts nothing."""
    _show(_open(archive_file, passphrase_file, identity))


@click.command()
@_archive_argument
@options.inventory_option
@click.option("--lost", multiple=True, metavar="HOST", help="A manager that is off for good; one option for each.")
@_passphrase_option
@_identity_option
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def restore(
    *,
    archive_file: Path,
    inventory_file: Path,
    lost: tuple[str, ...],
    passphrase_file: Path | None,
    identity: Path | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Let the host that ARCHIVE is of go on as the swarm's manager, with the state of then.

    Refused while any manager of the swarm may be alive, and for a file that was changed or is of another cluster,
    before anything is touched. What lies on the host is moved aside. Hosts that are in no swarm join; workers that live
    go on.
    """
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_findings
    from swarmkit.report.live import progress_for
    from swarmkit.report.outcome import print_outcome
    from swarmkit.report.status import print_nodes
    from swarmkit.workflows.backup import restore as run
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, None, allow_even_managers=allow_even_managers)
    options.check_hosts(declared.inventory, lost)
    content = _open(archive_file, passphrase_file, identity)
    _show(content)
    password = options.sudo_password(ask=ask_become_pass)
    cluster = declared.inventory.cluster
    with journaled("restore", declared.inventory) as journal:
        with shown_failures(declared), progress_for(sys.stderr) as progress:
            report = run(
                declared.inventory,
                content,
                lost=lost,
                progress=journal.watching(progress),
                confirm=_asking(progress, journal, cluster, f"restore cluster '{cluster}' this way?", yes=yes),
                sudo_password=password,
                lock_wait_seconds=lock_wait_seconds,
            )
        if report is None:
            return
        for applied in report.applied:
            print_outcome(results(), applied)
        print_findings(results(), report.findings)
        print_nodes(results(), report.inventory, report.observed)
        if report.proof_failed:
            sys.exit(4)


def _asking(
    progress: LiveProgress | PlainProgress, journal: Journal, cluster: str, question: str, *, yes: bool
) -> Callable[[Plan], bool]:
    from swarmkit.report.console import results
    from swarmkit.report.plan_text import print_plan

    def confirm(plan: Plan) -> bool:
        progress.rest()
        print_plan(results(), plan, cluster=cluster)
        agreed = options.confirmed(question, yes=yes)
        if agreed:
            journal.begin(plan)
        return agreed

    return confirm


def _passphrase(path: Path | None) -> Secret | None:
    return options.secret_line(path, "--passphrase-file") if path else None


def _open(path: Path, passphrase_file: Path | None, identity: Path | None) -> Archive:
    from swarmkit.recovery.archive import read
    from swarmkit.recovery.keys import Opener

    key = options.secret_file(identity, "--identity") if identity else None
    return read(path, Opener(_passphrase(passphrase_file), key))


def _show(archive: Archive) -> None:
    manifest = archive.manifest
    click.echo(f"backup of cluster {manifest.cluster} ({manifest.cluster_id}), made {manifest.made_at}: whole")
    click.echo(f"  state of {manifest.host} at {manifest.advertise_addr}, engine {manifest.engine_version}")
    click.echo(f"  nodes     {', '.join(manifest.nodes)}")
    click.echo(f"  services  {', '.join(manifest.services) or 'none'}")
    click.echo(f"  files     {', '.join(f'{name} {entry.bytes} bytes' for name, entry in manifest.files.items())}")
