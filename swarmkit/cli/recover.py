"""`swarmkit recover quorum`, `swarmkit recover undo-restore` and `swarmkit recover prune`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.credentials import (
    read_unlock_key,
    store_identity_option,
    store_option,
    store_passphrase_option,
    stored_keys,
)
from swarmkit.cli.group import Group

if TYPE_CHECKING:
    from swarmkit.workflows.recover import RecoveryReport


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
@store_option
@store_passphrase_option
@store_identity_option
@options.yes_option
@options.override_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def quorum(
    *,
    inventory_file: Path,
    lost: tuple[str, ...],
    going_on: str,
    has_unlock_key: bool,
    store: Path | None,
    passphrase_file: Path | None,
    identity: Path | None,
    yes: bool,
    overridden: tuple[str, ...],
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
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.recover import recover_quorum

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    inventory = declared.inventory
    options.check_hosts(inventory, (*lost, *([going_on] if going_on else [])))
    if has_unlock_key and store:
        raise click.UsageError("the unlock key comes from stdin or from the store: give --unlock-key or --store")
    unlock_keys = stored_keys(store, inventory, passphrase_file, identity) if store else []
    unlock_keys += [read_unlock_key()] if has_unlock_key else []
    with command_run(
        "recover quorum",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        question=f"go on with cluster '{inventory.cluster}' this way?",
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        report = recover_quorum(
            inventory, run.terms, lost=lost, going_on=going_on, unlock_keys=unlock_keys, overridden=overridden
        )
        if report is not None:
            run.shown.rest()
            end_recovery(report)


def end_recovery(report: RecoveryReport) -> None:
    """Print what was done and proved and the nodes as they are; exits with 4 where the proof failed."""
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_findings
    from swarmkit.report.outcome import print_outcome
    from swarmkit.report.status import print_nodes

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
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.undo_restore import undo_restore as undo

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    inventory = declared.inventory
    options.check_hosts(inventory, (host,))
    with command_run(
        "recover undo-restore",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        question=f"take {host} of cluster '{inventory.cluster}' back this way?",
    ) as run:
        applied = undo(inventory, host, run.terms)
        if applied is None:
            return
        run.shown.rest()
        print_outcome(results(), applied)
        for outcome in applied.outcomes.values():
            click.echo(f"{host}: {outcome.note}")


@recover.command()
@click.argument("hosts", nargs=-1, metavar="[HOST]...")
@options.inventory_option
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
def prune(
    *, hosts: tuple[str, ...], inventory_file: Path, yes: bool, allow_even_managers: bool, ask_become_pass: bool
) -> None:
    """Remove the swarm's states that restores, and their undoing, moved aside on each HOST, or on all hosts.

    They hold the secrets of their day and take room; nobody can go back to one that is removed. What the swarm runs on
    now is not touched.
    """
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.prune_restores import prune_restores

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    inventory = declared.inventory
    options.check_hosts(inventory, hosts)
    with command_run(
        "recover prune",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        question="remove this for good?",
    ) as run:
        applied = prune_restores(inventory, hosts, run.terms)
        if applied is not None:
            run.shown.rest()
            print_outcome(results(), applied)
