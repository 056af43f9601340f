"""`swarmkit network`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.group import Group
from swarmkit.errors import InputError

if TYPE_CHECKING:
    from swarmkit.plan.model import Applied

SHORT_ID = 12
"""Of an ID, as Docker shows it."""
_on_hosts = click.option(
    "--on", "on", multiple=True, metavar="HOST", help="A host of the inventory; may be given again. Without: all."
)
_on_host = click.option("--on", "host", required=True, metavar="HOST", help="The host that runs the container.")


@click.group(cls=Group)
def network() -> None:
    """Networks of every kind on the inventory's hosts: bridge, macvlan, ipvlan and overlay."""


@network.command("ls")
@options.inventory_option
@options.ask_become_pass_option
@options.json_option
@click.option("-q", "--quiet", is_flag=True, help="Only the networks' IDs; one of the swarm has one for all hosts.")
@click.option(
    "--prove", is_flag=True, help="Prove the encryption of each network that a service is on, as `verify` does."
)
def list_command(*, inventory_file: Path, ask_become_pass: bool, as_json: bool, quiet: bool, prove: bool) -> None:
    """Show the networks of all hosts: kind, scope, hosts, encryption, and who is on them.

    With --prove, ends with 4 when an encryption is not proved.
    """
    import json

    from swarmkit.declared.inventory import load_inventory
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.networks import network_rows, networks_as_json, render_networks
    from swarmkit.workflows.networks import list_networks, prove_encryption, services_on

    if quiet and (as_json or prove):
        raise InputError("--quiet leaves out what --json and --prove tell", to_do="leave --quiet out")
    inventory = load_inventory(inventory_file, allow_even_managers=True)
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        seen, observed = list_networks(inventory, progress=progress, sudo_password=password)
        verdicts = prove_encryption(inventory, progress=progress, sudo_password=password) if prove else {}
    if quiet:
        click.echo("\n".join(dict.fromkeys(network.id[:SHORT_ID] for network in seen)))
        return
    services = {network.name: services_on(network.name, seen, observed) for network in seen}
    rows = network_rows(seen, services, verdicts)
    if as_json:
        click.echo(json.dumps(networks_as_json(rows), indent=2))
    else:
        results().print(render_networks(rows))
    if not all(verdicts.values()):
        raise SystemExit(4)


@network.command("plan")
@options.inventory_option
@options.ask_become_pass_option
@options.json_option
def plan_command(*, inventory_file: Path, ask_become_pass: bool, as_json: bool) -> None:
    """Show pools, subnets and host routes on one sheet, what overlaps or runs out, and what is free.

    Ends with 4 when something overlaps or has run out. Reads only.
    """
    import json

    from swarmkit.declared.inventory import load_inventory
    from swarmkit.plan.address_sheet import address_sheet
    from swarmkit.report.address_sheet import address_sheet_as_json, render_address_sheet
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.networks import list_networks

    inventory = load_inventory(inventory_file, allow_even_managers=True)
    with progress_for(sys.stderr) as progress:
        seen, observed = list_networks(
            inventory, progress=progress, sudo_password=options.sudo_password(ask=ask_become_pass)
        )
    sheet = address_sheet(inventory, observed, seen)
    if as_json:
        click.echo(json.dumps(address_sheet_as_json(sheet), indent=2))
    else:
        results().print(render_address_sheet(sheet))
    if any(finding.severity == "error" for finding in sheet.findings):
        raise SystemExit(4)


@network.command()
@click.argument("name")
@options.inventory_option
@options.ask_become_pass_option
def inspect(*, name: str, inventory_file: Path, ask_become_pass: bool) -> None:
    """Print what each host's engine tells of a network, as JSON by host."""
    import json

    from swarmkit.declared.inventory import load_inventory
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.networks import list_networks

    inventory = load_inventory(inventory_file, allow_even_managers=True)
    with progress_for(sys.stderr) as progress:
        seen, _ = list_networks(inventory, progress=progress, sudo_password=options.sudo_password(ask=ask_become_pass))
    found = {each.host: {**each.raw, "Users": dict(each.users)} for each in seen if each.name == name}
    if not found:
        raise InputError(f"no host has a network {name}", to_do="see: swarmkit network ls")
    click.echo(json.dumps(found, indent=2))


@network.command()
@click.argument("name")
@options.inventory_option
@_on_hosts
@click.option("-d", "--driver", default="bridge", show_default=True, help="bridge, macvlan, ipvlan or overlay.")
@click.option("--subnet", "subnets", multiple=True, metavar="CIDR", help="May be given again.")
@click.option("--gateway", "gateways", multiple=True, metavar="ADDRESS", help="Of the subnet that holds it.")
@click.option("--ip-range", "ip_ranges", multiple=True, metavar="CIDR", help="Of the subnet that holds it.")
@click.option("-o", "--opt", "opts", multiple=True, metavar="KEY=VALUE", help="Driver option; may be given again.")
@click.option("--parent", metavar="DEVICE", help="The host's device under a macvlan or ipvlan, as -o parent=DEVICE.")
@click.option("--encrypted", is_flag=True, help="Encrypt the overlay's traffic, as -o encrypted.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="May be given again.")
@click.option("--internal", is_flag=True, help="No way out of the network.")
@click.option("--attachable", is_flag=True, help="Containers may attach to the overlay.")
@click.option("--ipv6", is_flag=True)
@click.option("--scope", type=click.Choice(["local", "swarm"]), help="swarm: made once, for all hosts.")
@click.option("--config-only", is_flag=True, help="Only a host's settings, for a network --config-from them.")
@click.option("--config-from", default="", metavar="NETWORK", help="Take each host's settings from that network of it.")
@options.override_option
@options.yes_option
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
    opts: tuple[str, ...],
    parent: str | None,
    encrypted: bool,
    labels: tuple[str, ...],
    internal: bool,
    attachable: bool,
    ipv6: bool,
    scope: str | None,
    config_only: bool,
    config_from: str,
    overridden: tuple[str, ...],
    yes: bool,
    ask_become_pass: bool,
) -> None:
    """Make a network on hosts of the inventory, in Docker's words; an overlay is made once, on a manager."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.cli.subnets import in_subnets
    from swarmkit.plan.network_wish import NetworkWish
    from swarmkit.workflows import networks

    if (driver == "overlay" or scope == "swarm") and on:
        raise InputError("a network of the swarm spans it", to_do="leave --on out")
    driver_options = pairs("--opt", opts)
    driver_options |= {"parent": parent} if parent else {}
    driver_options |= {"encrypted": ""} if encrypted else {}
    wish = NetworkWish(
        name=name,
        driver=driver,
        subnets=(held := _ranges("--subnet", subnets)),
        gateways=in_subnets("--gateway", gateways, held),
        ip_ranges=in_subnets("--ip-range", _ranges("--ip-range", ip_ranges), held),
        options=driver_options,
        labels=pairs("--label", labels),
        internal=internal,
        attachable=attachable,
        ipv6=ipv6,
        scope=scope or "",
        config_only=config_only,
        config_from=config_from,
    )
    with carried_out("network create", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = networks.create(run, wish, on, overridden=overridden)
    _show(applied)


@network.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.inventory_option
@_on_hosts
@options.yes_option
@options.ask_become_pass_option
def rm(*, names: tuple[str, ...], inventory_file: Path, on: tuple[str, ...], yes: bool, ask_become_pass: bool) -> None:
    """Remove networks from the hosts that have them; one in use, and none is removed: its users are named."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.workflows import networks

    with carried_out("network rm", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = networks.remove(run, names, on)
    _show(applied)


@network.command()
@click.argument("name")
@click.argument("container")
@options.inventory_option
@_on_host
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
    from swarmkit.cli.subnets import ipv4_address
    from swarmkit.workflows import networks

    ip = ipv4_address("--ip", ip)
    with carried_out("network connect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = networks.connect(run, host, name, container, ip=ip, aliases=aliases)
    _show(applied)


@network.command()
@click.argument("name")
@click.argument("container")
@options.inventory_option
@_on_host
@click.option("-f", "--force", is_flag=True, help="Also one that is gone and has left its endpoint.")
@options.yes_option
@options.ask_become_pass_option
def disconnect(
    *, name: str, container: str, inventory_file: Path, host: str, force: bool, yes: bool, ask_become_pass: bool
) -> None:
    """Disconnect a container of a host from a network."""
    from swarmkit.cli.carried_out import carried_out
    from swarmkit.workflows import networks

    with carried_out("network disconnect", inventory_file, yes=yes, ask_become_pass=ask_become_pass) as run:
        applied = networks.disconnect(run, host, name, container, force=force)
    _show(applied)


def _show(applied: Applied | None) -> None:
    if applied:
        from swarmkit.report.console import results
        from swarmkit.report.outcome import print_outcome

        print_outcome(results(), applied)


def pairs(option: str, values: tuple[str, ...]) -> dict[str, str]:
    """Return KEY=VALUE words as a dictionary; raises InputError for one without a key."""
    read = {}
    for value in values:
        key, _, rest = value.partition("=")
        if not key:
            raise InputError(f"{option} {value!r} is no KEY=VALUE")
        read[key] = rest
    return read


def _ranges(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress

    for value in values:
        try:
            ipaddress.ip_network(value)
        except ValueError as error:
            raise InputError(f"{option}: {error}", to_do="give it as 10.30.0.0/24") from None
    return values
