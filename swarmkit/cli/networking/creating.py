"""`swarmkit network create`."""

from __future__ import annotations

from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.networking.words import listed, on_hosts, pairs, ranges, show
from swarmkit.errors import InputError


@click.command()
@click.argument("name")
@options.inventory_option
@on_hosts
@click.option(
    "-d",
    "--driver",
    default="bridge",
    show_default=True,
    help="bridge, macvlan, ipvlan, overlay, or a plugin that the hosts have.",
)
@click.option("--subnet", "subnets", multiple=True, callback=listed, metavar="CIDR", help="May be given again.")
@click.option(
    "--gateway", "gateways", multiple=True, callback=listed, metavar="ADDRESS", help="Of the subnet that holds it."
)
@click.option(
    "--ip-range", "ip_ranges", multiple=True, callback=listed, metavar="CIDR", help="Of the subnet that holds it."
)
@click.option(
    "--aux-address",
    "aux",
    multiple=True,
    metavar="NAME=ADDRESS",
    help="One of a subnet that something else has, not a container; may be given again.",
)
@click.option("--ipam-driver", default="", metavar="DRIVER", help="What gives the addresses: default, null, a plugin.")
@click.option("--ipam-opt", "ipam_opts", multiple=True, metavar="KEY=VALUE", help="For it; may be given again.")
@click.option("-o", "--opt", "opts", multiple=True, metavar="KEY=VALUE", help="Driver option; may be given again.")
@click.option("--parent", metavar="DEVICE", help="The host's device under a macvlan or ipvlan, as -o parent=DEVICE.")
@click.option("--encrypted", is_flag=True, help="Encrypt the overlay's traffic, as -o encrypted.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="May be given again.")
@click.option("--internal", is_flag=True, help="No way out of the network.")
@click.option("--attachable", is_flag=True, help="Containers may attach to the overlay.")
@click.option("--ipv6", is_flag=True)
@click.option("--ingress", is_flag=True, help="The overlay by which the swarm's published ports are reached.")
@click.option("--scope", type=click.Choice(["local", "swarm"]), help="swarm: made once, for all hosts.")
@click.option("--config-only", is_flag=True, help="Only a host's settings, for a network --config-from them.")
@click.option("--config-from", default="", metavar="NETWORK", help="Take each host's settings from that network of it.")
@options.override_option
@options.yes_option
@options.lock_wait_option
@options.ask_become_pass_option
def create(
    *,
    name: str,
    inventory_file: Path,
    on: tuple[str, ...],
    driver: str,
    subnets: tuple[str, ...],
    gateways: tuple[str, ...],
    ip_ranges: tuple[str, ...],
    aux: tuple[str, ...],
    ipam_driver: str,
    ipam_opts: tuple[str, ...],
    opts: tuple[str, ...],
    parent: str | None,
    encrypted: bool,
    labels: tuple[str, ...],
    internal: bool,
    attachable: bool,
    ipv6: bool,
    ingress: bool,
    scope: str | None,
    config_only: bool,
    config_from: str,
    overridden: tuple[str, ...],
    yes: bool,
    lock_wait_seconds: float,
    ask_become_pass: bool,
) -> None:
    """Make a network on hosts of the inventory, in Docker's words; an overlay is made once, on a manager."""
    from swarmkit.cli.command_run import network_run
    from swarmkit.cli.networking.contradictions import check_words
    from swarmkit.cli.networking.subnets import auxiliary, in_subnets
    from swarmkit.plan.networks.wish import NetworkWish
    from swarmkit.workflows import networks

    if (driver == "overlay" or scope == "swarm") and on:
        raise InputError("a network of the swarm spans it", to_do="leave --on out")
    driver_options = pairs("--opt", opts)
    driver_options |= {"parent": parent} if parent else {}
    driver_options |= {"encrypted": ""} if encrypted else {}
    wish = NetworkWish(
        name=name,
        driver=driver,
        subnets=(held := ranges("--subnet", subnets)),
        gateways=in_subnets("--gateway", gateways, held),
        ip_ranges=in_subnets("--ip-range", ranges("--ip-range", ip_ranges), held),
        aux_addresses=auxiliary("--aux-address", pairs("--aux-address", aux, with_values=True), held, gateways),
        ipam_driver=ipam_driver,
        ipam_options=pairs("--ipam-opt", ipam_opts, with_values=True),
        options=driver_options,
        labels=pairs("--label", labels),
        internal=internal,
        attachable=attachable,
        ipv6=ipv6,
        ingress=ingress,
        scope=scope or "",
        config_only=config_only,
        config_from=config_from,
    )
    check_words(wish)
    with network_run(
        "network create", inventory_file, yes=yes, ask_become_pass=ask_become_pass, lock_wait_seconds=lock_wait_seconds
    ) as run:
        applied = networks.create(run, wish, on, overridden=overridden)
    show(applied)
