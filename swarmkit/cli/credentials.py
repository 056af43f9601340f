"""`swarmkit rotate`, `swarmkit autolock` and `swarmkit unlock`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swarmkit.cli import options
from swarmkit.cli.failures import shown_failures
from swarmkit.cli.journaled import journaled
from swarmkit.errors import InputError
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.plan.credential_plans import Change
    from swarmkit.plan.model import Plan

_Command = Callable[..., None]
_MOST_KEY_BYTES = 200
_key_file = click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Where the new unlock key goes: a new file, made with mode 0600.",
)


def _changing(command: _Command) -> _Command:
    for decorate in (
        options.lock_wait_option,
        options.ask_become_pass_option,
        options.allow_even_managers_option,
        options.yes_option,
        options.inventory_option,
    ):
        command = decorate(command)
    return command


@click.group()
def rotate() -> None:
    """Replace a swarm's credentials by new ones."""


@rotate.command()
@_changing
def tokens(**given: Any) -> None:
    """Make new join tokens: who has an old one can join no more."""
    _change("tokens", **given)


@rotate.command()
@_changing
def ca(**given: Any) -> None:
    """Make a new root certificate and new certificates of all nodes; over when every node has its own."""
    _change("ca", **given)


@rotate.command("unlock-key")
@_changing
@_key_file
def unlock_key(**given: Any) -> None:
    """Make a new key for managers that lock; a backup needs the key of its own day, so keep the old one."""
    _change("unlock-key", **given)


@click.group()
def autolock() -> None:
    """Whether managers lock when they start: their keys on disk are worth nothing without the unlock key then."""


@autolock.command()
@_changing
@_key_file
def on(**given: Any) -> None:
    """Lock managers whenever their engine starts."""
    _change("autolock-on", **given)


@autolock.command()
@_changing
def off(**given: Any) -> None:
    """Let managers start without a key."""
    _change("autolock-off", **given)


@click.command()
@options.inventory_option
@options.allow_even_managers_option
@options.ask_become_pass_option
def unlock(*, inventory_file: Path, allow_even_managers: bool, ask_become_pass: bool) -> None:
    """Unlock every locked manager, after a reboot of all for one; the key is read from stdin."""
    from swarmkit.workflows import credentials

    _run(
        "unlock",
        inventory_file,
        allow_even_managers=allow_even_managers,
        yes=True,
        ask_become_pass=ask_become_pass,
        work=lambda inventory, **given: credentials.unlock(inventory, _key(), **given),
    )


def _change(
    change: Change,
    *,
    inventory_file: Path,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    key_file: Path | None = None,
) -> None:
    from swarmkit.workflows import credentials

    _run(
        f"rotate {change}" if not change.startswith("autolock") else change.replace("-", " "),
        inventory_file,
        allow_even_managers=allow_even_managers,
        yes=yes,
        ask_become_pass=ask_become_pass,
        work=lambda inventory, **given: credentials.change_credentials(
            inventory, change, key_file=key_file, lock_wait_seconds=lock_wait_seconds, **given
        ),
    )


def _run(
    command: str,
    inventory_file: Path,
    *,
    allow_even_managers: bool,
    yes: bool,
    ask_become_pass: bool,
    work: Callable[..., Any],
) -> None:
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.outcome import print_outcome
    from swarmkit.report.plan_text import print_plan
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, None, allow_even_managers=allow_even_managers)
    cluster = declared.inventory.cluster
    password = options.sudo_password(ask=ask_become_pass)
    with (
        journaled(command, declared.inventory) as journal,
        shown_failures(declared),
        progress_for(sys.stderr) as progress,
    ):

        def confirm(plan: Plan) -> bool:
            progress.rest()
            print_plan(results(), plan, cluster=cluster)
            agreed = plan.is_empty or options.confirmed(f"apply this to cluster '{cluster}'?", yes=yes)
            if agreed:
                journal.begin(plan)
            return agreed

        watched = journal.watching(progress)
        applied = work(declared.inventory, progress=watched, confirm=confirm, sudo_password=password)
    if applied:
        print_outcome(results(), applied)


def _key() -> Secret:
    """Return the unlock key: asked for on a terminal, else the first line of stdin."""
    if sys.stdin.isatty():
        key = str(click.prompt("unlock key", hide_input=True, err=True)).strip()
    else:
        key = sys.stdin.readline(_MOST_KEY_BYTES).strip()
    if not key.startswith("SWMKEY-1-"):
        raise InputError("no unlock key on stdin: it begins with SWMKEY-1-", to_do="swarmkit unlock -i FILE < KEYFILE")
    return Secret(key.encode())
