"""`swarmkit network rm`."""

from __future__ import annotations

from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.networking.words import on_hosts, show


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.inventory_option
@on_hosts
@options.yes_option
@options.ask_become_pass_option
def rm(*, names: tuple[str, ...], inventory_file: Path, on: tuple[str, ...], yes: bool, ask_become_pass: bool) -> None:
    """Remove networks from the hosts that have them; one in use, and none is removed: its users are named."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.workflows import networks

    with carried_out("network rm", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = networks.remove(run, names, on)
    show(applied)
