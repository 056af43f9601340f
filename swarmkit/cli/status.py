"""`swarmkit status`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.failures import end_for_silent


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
def status(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    allow_even_managers: bool,
    ask_become_pass: bool,
    as_json: bool,
) -> None:
    """Show nodes, services and networks as they are now; changes nothing.

    With a stack file, or --stack NAME alone, the services and networks of that stack.

    Where hosts do not answer, what the managers tell of them. Exit codes: 0 shown, 1 it failed, 2 bad input (nothing
    was contacted), 3 a host, or all of them, is unreachable or not trusted, 130 interrupted, 143 ended by SIGTERM.
    """
    import json

    from swarmkit.report.console import results
    from swarmkit.report.live import progress_for
    from swarmkit.report.status import print_status, status_as_json
    from swarmkit.workflows import look
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        observed, silent = look.status(declared, progress=progress, sudo_password=password)
    only = stack_name or ""
    if as_json:
        click.echo(json.dumps(status_as_json(declared.inventory, observed, declared.stack, only), indent=2))
    else:
        print_status(results(), declared.inventory, observed, declared.stack, only)
    stacks = sorted({service.stack for service in observed.cluster.services} - {""}) if observed.cluster else []
    if stack_name and observed.cluster and stack_name not in stacks:
        known = ", ".join(stacks) or "none"
        click.echo(f"no service of a stack {stack_name} is in the swarm; its stacks: {known}", err=True)
    end_for_silent(silent)
