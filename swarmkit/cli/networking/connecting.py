"""`swarmkit network connect` and `disconnect`."""

from __future__ import annotations

from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.networking.words import on_host, show


@click.command()
@click.argument("name")
@click.argument("container")
@options.inventory_option
@on_host
@click.option("--ip", default="", metavar="ADDRESS", help="The container's address on the network.")
@click.option("--alias", "aliases", multiple=True, help="A further name of the container there.")
@options.yes_option
@options.ask_become_pass_option
def connect(
    *,
    name: str,
    container: str,
    inventory_file: Path,
    host: str,
    ip: str,
    aliases: tuple[str, ...],
    yes: bool,
    ask_become_pass: bool,
) -> None:
    """Connect a container of a host to a network."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.cli.networking.subnets import ipv4_address
    from swarmkit.workflows import network_containers

    ip = ipv4_address("--ip", ip)
    with carried_out("network connect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = network_containers.connect(run, host, name, container, ip=ip, aliases=aliases)
    show(applied)


@click.command()
@click.argument("name")
@click.argument("container")
@options.inventory_option
@on_host
@click.option("-f", "--force", is_flag=True, help="Also one that is gone and has left its endpoint.")
@options.yes_option
@options.ask_become_pass_option
def disconnect(
    *, name: str, container: str, inventory_file: Path, host: str, force: bool, yes: bool, ask_become_pass: bool
) -> None:
    """Disconnect a container of a host from a network."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.workflows import network_containers

    with carried_out("network disconnect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = network_containers.disconnect(run, host, name, container, force=force)
    show(applied)
