"""`swarmkit network connect` and `disconnect`."""

from __future__ import annotations

from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.networking.words import container_links, listed, on_host, pairs, show


@click.command()
@click.argument("name")
@click.argument("container")
@options.inventory_option
@on_host
@click.option("--ip", default="", metavar="ADDRESS", help="The container's address on the network.")
@click.option("--ip6", default="", metavar="ADDRESS", help="Its IPv6 address there.")
@click.option(
    "--link-local-ip",
    "link_local",
    multiple=True,
    callback=listed,
    metavar="ADDRESS",
    help="A further, link-local address.",
)
@click.option("--alias", "aliases", multiple=True, help="A further name of the container there.")
@click.option("--link", "links", multiple=True, metavar="CONTAINER[:ALIAS]", help="Know CONTAINER by ALIAS there.")
@click.option("--driver-opt", "opts", multiple=True, metavar="KEY=VALUE", help="For the network's driver.")
@options.yes_option
@options.ask_become_pass_option
def connect(
    *,
    name: str,
    container: str,
    inventory_file: Path,
    host: str,
    ip: str,
    ip6: str,
    link_local: tuple[str, ...],
    aliases: tuple[str, ...],
    links: tuple[str, ...],
    opts: tuple[str, ...],
    yes: bool,
    ask_become_pass: bool,
) -> None:
    """Connect a container of a host to a network."""
    from swarmkit.cli.command_run import network_run
    from swarmkit.cli.networking.subnets import addresses, ipv4_address, ipv6_address
    from swarmkit.plan.networks.endpoint_wish import EndpointWish
    from swarmkit.workflows import network_containers

    wish = EndpointWish(
        ip=ipv4_address("--ip", ip),
        ip6=ipv6_address("--ip6", ip6),
        link_local=addresses("--link-local-ip", link_local),
        aliases=aliases,
        links=container_links(links),
        options=pairs("--driver-opt", opts, with_values=True),
    )
    with network_run("network connect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = network_containers.connect(run, host, name, container, wish)
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
    from swarmkit.cli.command_run import network_run
    from swarmkit.workflows import network_containers

    with network_run("network disconnect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = network_containers.disconnect(run, host, name, container, force=force)
    show(applied)
