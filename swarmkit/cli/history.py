"""`swarmkit history` and `swarmkit history show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.group import Group
from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.journal.record import RunRecord


@click.group(cls=Group, invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs to list.")
@click.option("--cluster", is_flag=True, help="The last runs from any machine, as the managers keep them.")
@options.optional_inventory_option
@options.ask_become_pass_option
@options.json_option
@click.pass_context
def history(
    ctx: click.Context,
    *,
    limit: int,
    cluster: bool,
    inventory_file: Path | None,
    ask_become_pass: bool,
    as_json: bool,
) -> None:
    """List the runs that changed a cluster, the newest first: those from this machine, without contacting any host.

    With --cluster and an inventory: those from any machine, as the managers keep the last 20.
    """
    if ctx.invoked_subcommand is not None:
        return
    from swarmkit.journal.read import read_runs
    from swarmkit.journal.record import journal_folder
    from swarmkit.report.console import results
    from swarmkit.report.history import print_kept_runs, print_runs, runs_as_json

    if cluster:
        runs = _from_managers(inventory_file, ask_become_pass=ask_become_pass)[:limit]
    else:
        runs = read_runs(journal_folder(), limit=limit)
    if as_json:
        click.echo(json.dumps(runs_as_json(runs), indent=2))
    else:
        (print_kept_runs if cluster else print_runs)(results(), runs)


def _from_managers(inventory_file: Path | None, *, ask_become_pass: bool) -> list[RunRecord]:
    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.workflows.history import cluster_history

    if inventory_file is None:
        raise InputError("--cluster asks the managers of an inventory", to_do="name it: -i FILE")
    inventory = load_inventory(inventory_file, allow_even_managers=True)
    password = options.sudo_password(ask=ask_become_pass)
    return cluster_history(inventory, sudo_password=password, on_waiting=options.told)


@history.command()
@click.argument("run")
@options.optional_inventory_option
@options.ask_become_pass_option
@options.json_option
def show(*, run: str, inventory_file: Path | None, ask_become_pass: bool, as_json: bool) -> None:
    """Show what RUN did step by step; RUN may be the beginning of its name, or `last`.

    A run from another machine, as `swarmkit history --cluster` lists it, takes the inventory: what the managers keep of
    it is shown; its steps are known on its own machine.
    """
    from swarmkit.journal.read import UnknownRunError, chosen, find_run
    from swarmkit.journal.record import journal_folder
    from swarmkit.report.console import results
    from swarmkit.report.history import print_run, run_as_json

    try:
        found = find_run(journal_folder(), run)
    except UnknownRunError:
        if inventory_file is None:
            raise
        kept = {one.run: one for one in _from_managers(inventory_file, ask_become_pass=ask_become_pass)}
        found = kept[chosen(run, list(kept), "the managers' history")]
    if as_json:
        click.echo(json.dumps(run_as_json(found), indent=2))
    else:
        print_run(results(), found)
