"""`swarmkit history` and `swarmkit history show`."""

from __future__ import annotations

import json

import click

from swarmkit.cli import options


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs to list.")
@options.json_option
@click.pass_context
def history(ctx: click.Context, *, limit: int, as_json: bool) -> None:
    """List the runs that changed a cluster from this machine, the newest first; contacts no host."""
    if ctx.invoked_subcommand is not None:
        return
    from swarmkit.journal.read import read_runs
    from swarmkit.journal.record import journal_folder
    from swarmkit.report.console import results
    from swarmkit.report.history import print_runs, runs_as_json

    runs = read_runs(journal_folder(), limit=limit)
    if as_json:
        click.echo(json.dumps(runs_as_json(runs), indent=2))
    else:
        print_runs(results(), runs)


@history.command()
@click.argument("run")
@options.json_option
def show(*, run: str, as_json: bool) -> None:
    """Show what RUN did step by step; RUN may be the beginning of its name, or `last`."""
    from swarmkit.journal.read import find_run
    from swarmkit.journal.record import journal_folder
    from swarmkit.report.console import results
    from swarmkit.report.history import print_run, run_as_json

    found = find_run(journal_folder(), run)
    if as_json:
        click.echo(json.dumps(run_as_json(found), indent=2))
    else:
        print_run(results(), found)
