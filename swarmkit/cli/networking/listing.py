"""`swarmkit network ls`, `plan` and `inspect`: they read only."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.failures import end_for_silent
from swarmkit.cli.networking.words import on_hosts
from swarmkit.errors import InputError

SHORT_ID = 12
"""Of an ID, as Docker shows it."""


@click.command("ls")
@options.inventory_option
@options.ask_become_pass_option
@options.json_option
@click.option("-q", "--quiet", is_flag=True, help="Only the networks' IDs; one of the swarm has one for all hosts.")
@click.option("--no-trunc", is_flag=True, help="Whole IDs, with --quiet or --format: the table shows none.")
@click.option("--format", "format_text", default="", metavar="TEMPLATE", help="json, or a line by a Go template.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    metavar="KEY=VALUE",
    help="By name, id, driver, scope, label, type or dangling.",
)
@click.option(
    "--prove", is_flag=True, help="Prove the encryption of each network that a service is on, as `verify` does."
)
def list_command(
    *,
    inventory_file: Path,
    ask_become_pass: bool,
    as_json: bool,
    quiet: bool,
    no_trunc: bool,
    format_text: str,
    filters: tuple[str, ...],
    prove: bool,
) -> None:
    """Show the networks of all hosts: kind, scope, hosts, encryption, and who is on them.

    Each key of --filter means what it means to Docker: several values of one are either of them, but of label all; name
    and id are patterns; type is builtin or custom. With --prove, ends with 4 when an encryption is not proved; with 3
    when a host does not answer, after what the others tell.
    --format has a line for each ID, by .ID, .Name, .Driver, .Scope, .IPv6, .Internal, .Labels, .CreatedAt, and .Hosts,
    .Subnets, .Encryption and .Users; 'table TEMPLATE' puts headings over it.
    """
    import json
    from datetime import UTC, datetime

    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.observed.network_filters import LISTED_BY, read_filter
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.networks import formatted, network_rows, networks_as_fields, networks_as_json, render_networks
    from swarmkit.workflows.networks import list_networks, prove_encryption, services_on

    if quiet and (as_json or prove):
        raise InputError("--quiet leaves out what --json and --prove tell", to_do="leave --quiet out")
    if format_text and (quiet or as_json):
        raise InputError("--format says what is shown, and so do --quiet and --json", to_do="give one of them")
    if no_trunc and not quiet and not format_text:
        raise InputError("--no-trunc is for the IDs of --quiet and --format", to_do="give --quiet as well")
    formatted([], format_text)
    wanted = read_filter(filters, LISTED_BY, datetime.now(UTC))
    inventory = load_inventory(inventory_file, allow_even_managers=True)
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        listed = list_networks(inventory, progress=progress, sudo_password=password)
        verdicts = prove_encryption(inventory, progress=progress, sudo_password=password) if prove else {}
    observed = listed.observed
    on_them = {network.name: services_on(network.name, listed.networks, observed) for network in listed.networks}
    with_services = {network.id for network in listed.networks if network.scope == "swarm" and on_them[network.name]}
    used = with_services | {network.id for network in listed.networks if network.users}
    seen = tuple(network for network in listed.networks if wanted.passes(network, used))
    if quiet:
        shown = (network.id if no_trunc else network.id[:SHORT_ID] for network in seen)
        click.echo("".join(f"{identity}\n" for identity in dict.fromkeys(shown)), nl=False)
        end_for_silent(listed.silent)
        return
    services = {network.name: on_them[network.name] for network in seen}
    rows = network_rows(seen, services, verdicts)
    if format_text:
        fields = networks_as_fields(seen, services, verdicts, id_length=None if no_trunc else SHORT_ID)
        click.echo(formatted(fields, format_text), nl=False)
    elif as_json:
        click.echo(json.dumps(networks_as_json(rows, listed.silent), indent=2))
    else:
        results().print(render_networks(rows))
    is_proved = all(verdicts.get(network.id, True) for network in seen)
    end_for_silent(listed.silent, 3 if is_proved else 4)
    if not is_proved:
        raise SystemExit(4)


@click.command("plan")
@options.inventory_option
@options.ask_become_pass_option
@options.json_option
def plan_command(*, inventory_file: Path, ask_become_pass: bool, as_json: bool) -> None:
    """Show pools, subnets and host routes on one sheet, what overlaps or runs out, and what is free.

    Ends with 4 when something overlaps or has run out, with 3 when a host does not answer: then the sheet is that of
    the others. Reads only.
    """
    import json

    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.plan.networks.address_sheet import address_sheet
    from swarmkit.report.address_sheet import address_sheet_as_json, render_address_sheet
    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.networks import list_networks

    inventory = load_inventory(inventory_file, allow_even_managers=True)
    with progress_for(sys.stderr) as progress:
        listed = list_networks(inventory, progress=progress, sudo_password=options.sudo_password(ask=ask_become_pass))
    sheet = address_sheet(inventory, listed.observed, listed.networks)
    if as_json:
        click.echo(json.dumps(address_sheet_as_json(sheet, listed.silent), indent=2))
    else:
        results().print(render_address_sheet(sheet))
    has_errors = any(finding.severity == "error" for finding in sheet.findings)
    end_for_silent(listed.silent, 4 if has_errors else 3)
    if has_errors:
        raise SystemExit(4)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@options.inventory_option
@on_hosts
@click.option("-f", "--format", "format_text", default="", metavar="TEMPLATE", help="A line by a Go template.")
@options.ask_become_pass_option
def inspect(
    *, names: tuple[str, ...], inventory_file: Path, on: tuple[str, ...], format_text: str, ask_become_pass: bool
) -> None:
    """Print what each host's engine tells of networks, as JSON by network and host.

    NAME may be an ID, or the beginning of one. --format has a line for each network of each host. Ends with 3 when a
    host does not answer, after what the others tell; with --on HOST the other hosts do not count.
    """
    import json

    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.observed.networks import networks_of_word
    from swarmkit.report.errors import print_error
    from swarmkit.report.go_template import Template
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.networks import list_networks

    template = Template("{{json .}}" if format_text == "json" else format_text)
    inventory = load_inventory(inventory_file, allow_even_managers=True)
    if unknown := [host for host in on if host not in [one.name for one in inventory.hosts]]:
        raise InputError(f"no host {', '.join(unknown)} in the inventory")
    with progress_for(sys.stderr) as progress:
        password = options.sudo_password(ask=ask_become_pass)
        listed = list_networks(inventory, on=on, progress=progress, sudo_password=password)
    silent = {} if on else listed.silent
    seen = [each for each in listed.networks if not on or each.host in on]
    meant = {name: networks_of_word(name, seen) for name in names}
    if missing := [name for name, networks in meant.items() if not networks]:
        which = "no host that answers" if silent else "no host"
        error = InputError(f"{which} has a network {', '.join(missing)}", to_do="see: swarmkit network ls")
        for host in silent.values():
            print_error(host, sys.stderr)
        raise error
    if many := [name for name, networks in meant.items() if len({each.name for each in networks}) > 1]:
        raise InputError(f"the IDs of several networks begin with {', '.join(many)}", to_do="give more of the ID")
    found: dict[str, dict[str, object]] = {}
    for network in (each for networks in meant.values() for each in networks):
        told = {**network.raw, "Users": dict(network.users)}
        found.setdefault(network.name, {})[network.host] = told
        if format_text:
            click.echo(template.render({**told, "Host": network.host}))
    if not format_text:
        click.echo(json.dumps(found, indent=2))
    end_for_silent(silent)
