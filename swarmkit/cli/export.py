"""`swarmkit export`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.failures import end_for_silent
from swarmkit.errors import InputError

UNREACHABLE, DIFFERS = 3, 4


@click.command()
@click.argument("stack")
@options.inventory_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the stack file there, readable by you alone; it must not exist. Without it: to standard output.",
)
@options.allow_even_managers_option
@options.ask_become_pass_option
def export(
    *,
    stack: str,
    inventory_file: Path,
    output: Path | None,
    allow_even_managers: bool,
    ask_become_pass: bool,
) -> None:
    """Write a running stack, by whatever tool it was made, as a stack file that plans to no change.

    STACK is its name. The file is read back and compared with what runs before it is given out. Secrets and configs
    become external ones of the names they have.

    Exit codes: 0 written, and a plan with it is empty; 1 there is no such stack; 2 bad input; 3 a host is unreachable
    or not trusted: written by what the others tell, unless no manager answers; 4 written, but something that runs
    cannot be said in a stack file: what, is told and stands in it.
    """
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.export import export as run
    from swarmkit.workflows.inputs import read_declared

    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    if output is not None and output.exists():
        raise InputError(f"{output} exists", to_do="name a file that does not, or remove it")
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        made = run(declared.inventory, stack, progress=progress, sudo_password=password)
    if output is None:
        click.echo(made.text, nl=False)
    else:
        _write(output, made.text)
    for note in made.notes:
        click.echo(f"note: {note}", err=True)
    for what, lines in (("cannot be said in a stack file", made.differences), ("would be refused", made.refusals)):
        for line in lines:
            click.echo(f"{what}: {line}", err=True)
    where = f"{output}: " if output else ""
    verdict = "it plans to no change" if made.is_whole else "it does NOT plan to no change"
    click.echo(f"{where}stack {stack} written, {verdict}", err=True)
    end_for_silent(made.silent, UNREACHABLE if made.is_whole else DIFFERS)
    if not made.is_whole:
        sys.exit(DIFFERS)


def _write(path: Path, text: str) -> None:
    try:
        # Variables of services may hold passwords.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"cannot write {path}: {(error.strerror or '').lower()}") from error
