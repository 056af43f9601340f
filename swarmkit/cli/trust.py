"""`swarmkit trust`: compare the hosts' SSH keys and record them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli.options import allow_even_managers_option, confirmed, inventory_option, yes_option

if TYPE_CHECKING:
    from swarmkit.errors import SwarmkitError
    from swarmkit.report.host_keys import ShownKey
    from swarmkit.workflows.trust import PresentedKey


@click.command()
@click.argument("hosts", metavar="[HOST]...", nargs=-1)
@inventory_option
@click.option("--replace", is_flag=True, help="Also record changed keys in place of the old ones.")
@yes_option
@allow_even_managers_option
def trust(*, hosts: tuple[str, ...], inventory_file: Path, replace: bool, yes: bool, allow_even_managers: bool) -> None:
    """Show the SSH keys that hosts present, and record those you confirm as trusted.

    HOST is a host or jump host of the inventory; without one, all are asked. Compare the fingerprints with those on
    the hosts' consoles (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub) before you say yes.
    """
    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.report.console import results
    from swarmkit.report.host_keys import print_host_keys
    from swarmkit.workflows import trust as workflow

    console = results()

    def show(keys: Sequence[PresentedKey]) -> None:
        print_host_keys(console, [_shown(key) for key in keys])

    def confirm(keys: Sequence[PresentedKey]) -> bool:
        names = ", ".join(key.hop.name for key in keys)
        is_agreed = confirmed(f"Record the keys of {names} as trusted?", yes=yes)
        if is_agreed:
            files = ", ".join(dict.fromkeys(str(key.hop.keys.file) for key in keys))
            click.echo(f"recording the keys of {names} in {files}", err=True)
        return is_agreed

    def tell(error: SwarmkitError) -> None:
        click.echo(f"{error.what} ({error.why}); the inventory has it absent: left out", err=True)

    inventory = load_inventory(inventory_file, allow_even_managers=allow_even_managers)
    workflow.trust(inventory, hosts, replace=replace, show=show, confirm=confirm, tell=tell)


def _shown(key: PresentedKey) -> ShownKey:
    from swarmkit.report.host_keys import ShownKey

    return ShownKey(
        host=key.hop.name,
        endpoint=f"{key.hop.address} port {key.hop.port}",
        key_type=key.scanned.key_type,
        fingerprint=key.fingerprint,
        file=str(key.hop.keys.file),
        state=key.state,
        expected=key.expected,
    )
