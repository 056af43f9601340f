"""`swarmkit network rm` and `prune`."""

from __future__ import annotations

from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.networking.words import on_hosts, show


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.inventory_option
@on_hosts
@click.option("-f", "--force", is_flag=True, help="A name that no host has is no error.")
@options.yes_option
@options.lock_wait_option
@options.ask_become_pass_option
def rm(
    *,
    names: tuple[str, ...],
    inventory_file: Path,
    on: tuple[str, ...],
    force: bool,
    yes: bool,
    lock_wait_seconds: float,
    ask_become_pass: bool,
) -> None:
    """Remove networks from the hosts that have them; one in use, and none is removed: its users are named."""
    from swarmkit.cli.command_run import network_run
    from swarmkit.workflows import networks

    with network_run(
        "network rm", inventory_file, yes=yes, ask_become_pass=ask_become_pass, lock_wait_seconds=lock_wait_seconds
    ) as run:
        applied = networks.remove(run, names, on, force=force)
    show(applied)


@click.command()
@options.inventory_option
@click.option(
    "--on", "on", multiple=True, metavar="HOST", help="Only this host's own networks; may be given again. Without: all."
)
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="until=24h, label=KEY[=VALUE] or label!=KEY[=VALUE].",
)
@click.option(
    "-y",
    "--yes",
    "-f",
    "--force",
    "yes",
    is_flag=True,
    help="Do not ask before it; -f is Docker's word.",
)
@options.lock_wait_option
@options.ask_become_pass_option
def prune(
    *,
    inventory_file: Path,
    on: tuple[str, ...],
    filters: tuple[str, ...],
    yes: bool,
    lock_wait_seconds: float,
    ask_become_pass: bool,
) -> None:
    """Remove the networks that nothing uses: each is named with its host before, and removed by itself.

    Without --on those of the swarm too. One stays while a container, stopped or not, or a service is on it.
    """
    from datetime import UTC, datetime

    from swarmkit.cli.command_run import network_run
    from swarmkit.observed.network_filters import PRUNED_BY, read_filter
    from swarmkit.workflows import network_prune

    wanted = read_filter(filters, PRUNED_BY, datetime.now(UTC))
    with network_run(
        "network prune", inventory_file, yes=yes, ask_become_pass=ask_become_pass, lock_wait_seconds=lock_wait_seconds
    ) as run:
        applied = network_prune.prune(run, on, wanted)
    show(applied)
