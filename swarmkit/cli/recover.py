"""`swarmkit recover quorum` and `swarmkit recover undo-restore`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.agreement import agreement
from swarmkit.cli.credentials import read_unlock_key
from swarmkit.cli.failures import shown_failures
from swarmkit.cli.group import Group
from swarmkit.cli.journaled import journaled
from swarmkit.secret import Secret


@click.group(cls=Group)
def recover() -> None:
    """What to do on the day when managers are gone."""


@recover.command()
@options.inventory_option
@click.option("--lost", multiple=True, metavar="HOST", help="A manager that is off for good; one option for each.")
@click.option("--from", "going_on", default="", metavar="HOST", help="The manager that goes on; default: the newest.")
@click.option(
    "--unlock-key", "has_unlock_key", is_flag=True, help="Managers lock: ask for the unlock key, or read it from stdin."
)
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def quorum(
    *,
    inventory_file: Path,
    lost: tuple[str, ...],
    going_on: str,
    has_unlock_key: bool,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Let the swarm go on with the manager that is left, when most managers are lost.

    The manager with the newest raft log goes on with the swarm's state; the entries of all other managers are removed,
    and those of them that answer leave and join again. Services, networks, secrets and workers stay.

    Run it again when a lost manager is back: it still believes in the old swarm, leaves it and joins the one that went
    on. Until then keep it off: old managers that meet may make a second swarm.
    """
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_findings
    from swarmkit.report.live import progress_for
    from swarmkit.report.outcome import print_outcome
    from swarmkit.report.status import print_nodes
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.recover import recover_quorum

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    inventory = declared.inventory
    options.check_hosts(inventory, (*lost, *([going_on] if going_on else [])))
    password = options.sudo_password(ask=ask_become_pass)
    unlock_key = read_unlock_key() if has_unlock_key else Secret(b"")
    with journaled("recover quorum", inventory) as journal:
        with shown_failures(declared), progress_for(sys.stderr) as progress:
            question = f"go on with cluster '{inventory.cluster}' this way?"
            report = recover_quorum(
                inventory,
                lost=lost,
                going_on=going_on,
                unlock_key=unlock_key,
                progress=journal.watching(progress),
                confirm=agreement(inventory, progress, journal, yes=yes, question=question),
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


@recover.command()
@click.argument("host")
@options.inventory_option
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
def undo_restore(
    *, host: str, inventory_file: Path, yes: bool, allow_even_managers: bool, ask_become_pass: bool
) -> None:
    """Put the swarm's state that a restore moved aside on HOST back in its place.

    What lies there now is kept beside it, nothing is removed. Where the engine does not start with it, all is as it
    was. Hosts that joined after the restore have to leave and to join again.
    """
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.undo_restore import undo_restore as run

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    inventory = declared.inventory
    options.check_hosts(inventory, (host,))
    password = options.sudo_password(ask=ask_become_pass)
    with journaled("recover undo-restore", inventory) as journal:
        with shown_failures(declared), progress_for(sys.stderr) as progress:
            question = f"take {host} of cluster '{inventory.cluster}' back this way?"
            applied = run(
                inventory,
                host,
                progress=journal.watching(progress),
                confirm=agreement(inventory, progress, journal, yes=yes, question=question),
                sudo_password=password,
            )
        if applied is None:
            return
        print_outcome(results(), applied)
        for outcome in applied.outcomes.values():
            click.echo(f"{host}: {outcome.note}")
