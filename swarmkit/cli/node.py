"""`swarmkit node ls|drain|activate|replace`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.failures import end_for_silent
from swarmkit.cli.group import Group

if TYPE_CHECKING:
    from swarmkit.workflows.node import Action

_Command = Callable[..., None]


@click.group(cls=Group)
def node() -> None:
    """One node at a time: list, drain, activate, or take the place of one that was wiped."""


@node.command()
@options.inventory_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
def ls(*, inventory_file: Path, allow_even_managers: bool, ask_become_pass: bool, as_json: bool) -> None:
    """List the nodes and the hosts that are none; changes nothing."""
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.status import print_nodes, status_as_json
    from swarmkit.workflows import look
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        observed, silent = look.status(declared, progress=progress, sudo_password=password)
    if as_json:
        status = status_as_json(declared.inventory, observed)
        click.echo(json.dumps({key: status[key] for key in ("schema", "cluster", "error", "nodes")}, indent=2))
    else:
        print_nodes(results(), declared.inventory, observed)
    end_for_silent(silent)


def _changing(command: _Command) -> _Command:
    """Give *command* the host and the options that all changing commands of a node have."""
    for decorate in (
        options.timeout_option,
        options.lock_wait_option,
        options.ask_become_pass_option,
        options.allow_even_managers_option,
        options.yes_option,
        options.inventory_option,
        click.argument("host"),
    ):
        command = decorate(command)
    return command


@node.command()
@_changing
def drain(**given: Any) -> None:
    """Move what HOST runs to other nodes and give it nothing new, until it is activated."""
    _change("drain", **given)


@node.command()
@_changing
def activate(**given: Any) -> None:
    """Let HOST run tasks again; those that run elsewhere stay there."""
    _change("activate", **given)


@node.command()
@_changing
@click.option("--accept-data-loss", is_flag=True, help="Start services empty whose volume is gone with the old disk.")
def replace(**given: Any) -> None:
    """Let HOST, wiped or new under its old name, take its old place: role, labels, and the stale entry removed."""
    _change("replace", **given)


def _change(
    action: Action,
    *,
    host: str,
    inventory_file: Path,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    timeout_seconds: float,
    lock_wait_seconds: float,
    accept_data_loss: bool = False,
) -> None:
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.node import Wish, change_node, host_of

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    wish = Wish(declared.inventory, host_of(declared.inventory, host), action, accept_data_loss)
    with command_run(
        f"node {action} {host}",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        service_timeout_seconds=timeout_seconds,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        applied = change_node(wish, run.terms)
    if applied:
        print_outcome(results(), applied)
