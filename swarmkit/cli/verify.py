"""`swarmkit verify`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options


@click.command()
@options.inventory_option
@options.stack_file_option
@options.stack_name_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
def verify(
    *,
    inventory_file: Path,
    stack_file: Path | None,
    stack_name: str | None,
    allow_even_managers: bool,
    ask_become_pass: bool,
    as_json: bool,
) -> None:
    """Prove that nodes and services are as declared, reach each other, and that the overlay is encrypted.

    Without --file, every service of the cluster is proved against its own spec. Exit codes: 0 proved, 4 not proved.
    """
    import json

    from swarmkit.report.console import results
    from swarmkit.report.findings import findings_as_json, is_proved, print_findings
    from swarmkit.report.live import progress_for
    from swarmkit.workflows import look
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, stack_file, stack_name=stack_name, allow_even_managers=allow_even_managers)
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        findings = look.verify(declared, progress=progress, sudo_password=password)
    if as_json:
        click.echo(json.dumps(findings_as_json(findings), indent=2))
    else:
        print_findings(results(), findings)
    if not is_proved(findings):
        sys.exit(4)
