"""`swarmkit plan`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.up import (
    adopt_option,
    images_option,
    prune_option,
    recreate_networks_option,
    registry_auth_option,
    remove_nodes_option,
)

CHANGES_PENDING = 5


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@images_option
@registry_auth_option
@prune_option
@recreate_networks_option
@remove_nodes_option
@adopt_option
@options.override_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 5 when there is something to change.")
def plan(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    images_folder: Path | None,
    with_registry_auth: bool,
    prune: bool,
    recreate_networks: bool,
    remove_nodes: bool,
    adopt: bool,
    overridden: tuple[str, ...],
    allow_even_managers: bool,
    ask_become_pass: bool,
    as_json: bool,
    detailed_exitcode: bool,
) -> None:
    """Show what `up` would change, and why; changes nothing.

    Exit codes: 0 shown, 1 failed or refused, 2 bad input (nothing was contacted), 3 a host is unreachable or not
    trusted, 5 changes pending (with --detailed-exitcode), 130 interrupted, 143 ended by SIGTERM.
    """
    from swarmkit.workflows.inputs import read_declared

    options.refuse_name_without_file(stack_files, stack_name)
    declared = read_declared(
        inventory_file,
        stack_files,
        stack_name=stack_name,
        images=images_folder,
        allow_even_managers=allow_even_managers,
        adopt=adopt,
        overridden=overridden,
        prune=prune,
        recreate_networks=recreate_networks,
        remove_nodes=remove_nodes,
        to_deploy=True,
        with_registry_auth=with_registry_auth,
    )
    # The names' hashes are made beside these imports, SSH's among them.
    from swarmkit.report.live import progress_for
    from swarmkit.workflows import look

    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        made = look.plan(declared, progress=progress, sudo_password=password)
    if as_json:
        import json

        from swarmkit.report.plan_json import plan_as_json

        click.echo(json.dumps(plan_as_json(made), indent=2))
    else:
        from swarmkit.report.console import results
        from swarmkit.report.plan_text import print_plan

        hosts = [host.name for host in declared.inventory.hosts]
        print_plan(results(), made, cluster=declared.inventory.cluster, hosts=hosts)
    if made.refusals:
        sys.exit(1)
    if detailed_exitcode and not made.is_empty:
        sys.exit(CHANGES_PENDING)
