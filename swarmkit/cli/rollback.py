"""`swarmkit rollback`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.up import images_option, print_report
from swarmkit.errors import InputError, NotConvergedError

if TYPE_CHECKING:
    from swarmkit.workflows.up import UpReport


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@images_option
@options.yes_option
@click.option("--verify/--no-verify", default=True, show_default=True, help="Prove the result at the end.")
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
@options.timeout_option
def rollback(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    images_folder: Path | None,
    yes: bool,
    verify: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    timeout_seconds: float,
) -> None:
    """Take the whole stack back to what it ran before the last `up`: specs, images, versions of secrets and configs.

    Shows the plan and asks before anything changes. Services that were added go, those that were removed come back;
    data in volumes stays as it is. A second rollback returns to what ran before the first. A host that does not answer
    hinders it only where it has to be back for that: no manager answers, or a service can run nowhere else.

    Exit codes: 0 back and proved, 1 failed or refused, 2 bad input (nothing was contacted), 3 no manager answers or is
    trusted (a host lost in the middle is a 1), 4 not converged or a proof failed, as of a host that does not answer;
    with --no-verify of such a host only where a service can run nowhere else, 130 interrupted, 143 ended by SIGTERM.
    """
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.rollback import rollback as take_back

    declared = read_declared(
        inventory_file,
        stack_files,
        stack_name=stack_name,
        images=images_folder,
        allow_even_managers=allow_even_managers,
    )
    stack = declared.stack.name if declared.stack else stack_name
    if not stack:
        raise InputError("which stack?", to_do="name its file with --file, or the stack with --stack")
    with command_run(
        "rollback",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        service_timeout_seconds=timeout_seconds,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        report = take_back(declared, stack, run.terms, verify=verify)
        print_report(report, declared, run.shown)
        _tell_unproved(report)
        if report.proof_failed:
            sys.exit(4)


def _tell_unproved(report: UpReport) -> None:
    """Say where nobody looked; raises NotConvergedError with the services that can run nowhere but there."""
    if not report.silent:
        return
    hosts = ", ".join(report.silent)
    if report.left_out:
        services = ", ".join(report.left_out)
        raise NotConvergedError(
            f"{services}: cannot run but on {hosts}, which does not answer", "all else is back", f"bring {hosts} back"
        )
    click.echo(f"nothing was proved, and nobody looked at {hosts}: swarmkit verify proves what is there", err=True)
