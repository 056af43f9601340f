"""`swarmkit rotate`, `swarmkit autolock` and `swarmkit unlock`."""

from __future__ import annotations

import datetime
import functools
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.group import Group
from swarmkit.cli.secret_rotation import secrets
from swarmkit.errors import AGAIN, InputError
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.plan.credentials.operations import KeyFile
    from swarmkit.plan.credentials.plans import Change
    from swarmkit.plan.model import Applied
    from swarmkit.workflows.terms import Terms

_Command = Callable[..., None]
_MOST_KEY_BYTES = 200
# 32 bytes in base64, as every engine makes it.
_UNLOCK_KEY = re.compile(rb"SWMKEY-1-[0-9A-Za-z+/]{43}")
_GO_ON: Mapping[Change, str] = {
    "tokens": "run the same command again: it makes new tokens once more; in force: docker swarm join-token worker",
    "ca": "see docker node ls: a rotation that has begun ends by itself when every node is ready; the same command "
    "again is the next rotation",
    "unlock-key": "run swarmkit autolock on with the same --store or --key-file: it keeps the key that is in force; "
    "the same command again is the next rotation",
}
"""How a rotation that was cut off is gone on with: nobody can tell it from one that is asked for anew."""
_path = click.Path(path_type=Path)
store_option = click.option("--store", type=_path, metavar="DIR", help="Folder of unlock keys encrypted by age.")
store_passphrase_option = click.option(
    "--passphrase-file", type=_path, metavar="FILE", help="File of mode 0600 with the store's passphrase in one line."
)

store_identity_option = click.option(
    "--identity", type=_path, metavar="FILE", help="age key file that opens the store, mode 0600."
)


def _keeping(command: _Command) -> _Command:
    """Give *command* the options that say where a new key goes."""
    for decorate in (
        store_passphrase_option,
        click.option("--recipient", "recipients", multiple=True, metavar="age1...", help="Encrypt for this age key."),
        store_option,
        click.option(
            "--key-file", type=_path, metavar="FILE", help="Where the new key goes in clear: a new file, 0600."
        ),
    ):
        command = decorate(command)
    return command


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


@click.group(cls=Group)
def rotate() -> None:
    """Replace a swarm's credentials by new ones."""


rotate.add_command(secrets)


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
@_keeping
def unlock_key(**given: Any) -> None:
    """Make a new key for managers that lock; a backup needs the key of its own day, so keep the old one."""
    _change("unlock-key", **given)


@click.group(cls=Group)
def autolock() -> None:
    """Whether managers lock when they start: their keys on disk are worth nothing without the unlock key then."""


@autolock.command()
@_changing
@_keeping
def on(**given: Any) -> None:
    """Lock managers whenever their engine starts; the key goes to --key-file, or encrypted to --store."""
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
@store_option
@store_passphrase_option
@store_identity_option
def unlock(
    *,
    inventory_file: Path,
    allow_even_managers: bool,
    ask_become_pass: bool,
    store: Path | None,
    passphrase_file: Path | None,
    identity: Path | None,
) -> None:
    """Unlock every locked manager, after a reboot of all for one.

    The key is read from stdin, or from --store: the cluster's newest there, and the older ones for a manager that was
    away when the key was rotated.
    """
    from swarmkit.workflows import credentials

    def keys(inventory: Inventory) -> list[Secret]:
        return stored_keys(store, inventory, passphrase_file, identity) if store else [read_unlock_key()]

    _run(
        "unlock",
        inventory_file,
        allow_even_managers=allow_even_managers,
        yes=True,
        ask_become_pass=ask_become_pass,
        work=lambda inventory, terms: credentials.unlock(inventory, keys(inventory), terms),
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
    store: Path | None = None,
    recipients: tuple[str, ...] = (),
    passphrase_file: Path | None = None,
) -> None:
    from swarmkit.workflows import credentials

    makes_key = change in ("unlock-key", "autolock-on")
    if makes_key and (key_file is None) == (store is None):
        raise InputError("a new unlock key has to be kept: give --key-file FILE or --store DIR")

    def kept(inventory: Inventory) -> KeyFile | None:
        from swarmkit.plan.credentials.operations import KeyFile
        from swarmkit.recovery.key_store import KeyStore, is_unfinished, sealed

        if store is None:
            unfinished = (key_file,) if key_file and is_unfinished(key_file) else ()
            return KeyFile(key_file, unfinished=unfinished) if key_file else None
        from swarmkit.recovery.keys import Sealer

        sealer = Sealer(_passphrase(passphrase_file), recipients)
        kept = KeyStore(store, inventory.cluster)
        path = kept.new_path(datetime.datetime.now(tz=datetime.UTC))
        return KeyFile(path, functools.partial(sealed, sealer), kept.unfinished())

    _run(
        f"rotate {change}" if not change.startswith("autolock") else change.replace("-", " "),
        inventory_file,
        allow_even_managers=allow_even_managers,
        yes=yes,
        ask_become_pass=ask_become_pass,
        lock_wait_seconds=lock_wait_seconds,
        go_on=_GO_ON.get(change, AGAIN),
        work=lambda inventory, terms: credentials.change_credentials(
            inventory, change, terms, key_file=kept(inventory)
        ),
    )


def _run(
    command: str,
    inventory_file: Path,
    *,
    allow_even_managers: bool,
    yes: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float = 0.0,
    go_on: str = AGAIN,
    work: Callable[[Inventory, Terms], Applied | None],
) -> None:
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    with command_run(
        command,
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        lock_wait_seconds=lock_wait_seconds,
        go_on=go_on,
    ) as run:
        applied = work(declared.inventory, run.terms)
    if applied:
        print_outcome(results(), applied)


def _passphrase(path: Path | None) -> Secret | None:
    return options.secret_line(path, "--passphrase-file") if path else None


def stored_keys(store: Path, inventory: Inventory, passphrase_file: Path | None, identity: Path | None) -> list[Secret]:
    """Return the cluster's newest unlock keys in *store*."""
    from swarmkit.recovery.key_store import KeyStore
    from swarmkit.recovery.keys import Opener

    secret = options.secret_file(identity, "--identity") if identity else None
    return KeyStore(store, inventory.cluster).keys(Opener(_passphrase(passphrase_file), secret))


def read_unlock_key() -> Secret:
    """Return the unlock key: asked for on a terminal, else the first line of stdin."""
    if sys.stdin.isatty():
        key = str(click.prompt("unlock key", hide_input=True, err=True)).strip().encode()
    else:
        key = sys.stdin.buffer.readline(_MOST_KEY_BYTES).strip()
    if not _UNLOCK_KEY.fullmatch(key):
        what = "what stdin has is not an unlock key" if key else "no unlock key on stdin"
        raise InputError(f"{what}: it is SWMKEY-1- and 43 characters more", to_do="end the command with: < KEYFILE")
    return Secret(key)
