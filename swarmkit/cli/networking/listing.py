"""`swarmkit network ls`, `plan` and `inspect`: they read only."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.errors import InputError

SHORT_ID = 12
"""Of an ID, as Docker shows it."""


@click.command("ls")
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


@click.command("plan")
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


@click.command()
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
