"""`swarmkit doctor`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.errors import InputError, UnreachableError

_SHORT = re.compile(r"([A-Z])(\d)", re.ASCII)
"""A code without its zero, as in H6."""


def _explain(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    from swarmkit.report.doctor import ALL_CODES, explanation_text, titles_text

    code = value.strip().upper()
    if short := _SHORT.fullmatch(code):
        code = f"{short[1]}0{short[2]}"
    if code == "ALL":
        click.echo(titles_text())
    elif code in ALL_CODES:
        click.echo(explanation_text(code))
    else:
        where = options.where_codes_are([code], ALL_CODES)
        raise click.BadParameter(f"there is no code {code or repr(value)}; {where}", ctx, param)
    ctx.exit()


def _refuse_of_stacks(only: tuple[str, ...]) -> None:
    from swarmkit.doctor.codes import OF_STACKS

    if only and OF_STACKS.issuperset(only):
        raise InputError(f"{', '.join(only)}: looked for in a stack alone", to_do="give its file with -f")


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
@click.option(
    "--only",
    multiple=True,
    metavar="CODE",
    callback=options.check_doctors_codes,
    help="Report this check alone; repeatable.",
)
@click.option(
    "--skip", multiple=True, metavar="CODE", callback=options.check_codes, help="Leave this check out; repeatable."
)
@click.option(
    "--explain",
    metavar="CODE",
    is_eager=True,
    expose_value=False,
    callback=_explain,
    help="Print what a code means; `all`: every code with its title.",
)
def doctor(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    allow_even_managers: bool,
    ask_become_pass: bool,
    as_json: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
) -> None:
    """Find what will break: kernels, engines, addresses, clocks, disks, and the ways between hosts with real packets.

    Between every two hosts go tcp/2377, tcp and udp/7946, the data-path port and IP protocol 50, and a frame of full
    size that must not be fragmented. Changes no file, setting, rule or network of any host: what it tries of a kernel
    it tries in a throw-away namespace. The modules that Docker itself loads for encrypted networks and published ports
    (esp4, vxlan, ip_vs and the like) are loaded for that where they are not yet, and stay.

    Exit codes: 0 no error found, 1 it failed, 2 bad input (nothing was contacted), 3 a host could not be looked at, 4
    errors found, 130 interrupted, 143 ended by SIGTERM.
    """
    import json

    from swarmkit.report.console import results
    from swarmkit.report.doctor import diagnosis_as_json, print_diagnosis
    from swarmkit.report.live import progress_for
    from swarmkit.workflows import doctor as workflow
    from swarmkit.workflows.inputs import read_declared

    if only and not set(only) - set(skip):
        raise click.UsageError("--skip leaves out all that --only asks for: nothing would be checked")
    if not stack_files:
        _refuse_of_stacks(only)
    options.refuse_name_without_file(stack_files, stack_name)
    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    password = options.sudo_password(ask=ask_become_pass)
    with progress_for(sys.stderr) as progress:
        said = workflow.doctor(declared, progress=progress, only=only, skip=skip, sudo_password=password)
    if as_json:
        click.echo(json.dumps(diagnosis_as_json(said), indent=2))
    else:
        print_diagnosis(results(), said)
    if said.silent:
        sys.exit(UnreachableError.exit_code)
    if said.has_errors:
        sys.exit(4)
