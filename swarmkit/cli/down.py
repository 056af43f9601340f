"""`swarmkit down`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.errors import InputError


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@click.option("--confirm", "confirmation", metavar="CLUSTER", help="The cluster's name, instead of typing it.")
@click.option("--volumes", is_flag=True, help="Remove the stack's volumes and their data too.")
@click.option("--keep-swarm", is_flag=True, help="Remove the stack only.")
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
def down(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    confirmation: str | None,
    volumes: bool,
    keep_swarm: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
) -> None:
    """Remove what `up` has made: the stack's services, networks and secrets, and the swarm if swarmkit made it.

    Volumes stay unless told; a swarm that swarmkit has not made, or that runs other services, stays always.
    """
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.down import down as remove
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    stack = declared.stack.name if declared.stack else stack_name
    if not stack:
        raise InputError("which stack?", to_do="name its file with --file, or the stack with --stack")
    cluster = declared.inventory.cluster
    if confirmation not in (None, cluster):
        raise InputError(f"--confirm {confirmation!r} is not the cluster's name", to_do=f"it is {cluster!r}")
    with command_run(
        "down",
        declared,
        consent=lambda: confirmation == cluster or _typed(cluster),
        ask_become_pass=ask_become_pass,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        applied = remove(declared, stack, run.terms, volumes=volumes, keep_swarm=keep_swarm)
    if applied:
        print_outcome(results(), applied)


def _typed(cluster: str) -> bool:
    """Ask for the cluster's name and tell whether it was typed."""
    if not sys.stdin.isatty():
        raise InputError(
            "not removed: nobody confirmed it", to_do=f"no terminal to ask on: give --confirm {cluster} to agree"
        )
    return bool(click.prompt(f"type the cluster's name ({cluster}) to remove this", err=True) == cluster)
