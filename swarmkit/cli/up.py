"""`swarmkit up`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run

if TYPE_CHECKING:
    from swarmkit.plan.declaration import Declared
    from swarmkit.report.live import LiveProgress
    from swarmkit.report.plain import PlainProgress
    from swarmkit.workflows.up import UpReport

images_option = click.option(
    "--images",
    "images_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of docker-archive files; their images are sent to the hosts that may run them.",
)
adopt_option = click.option("--adopt", is_flag=True, help="Accept a swarm that swarmkit has not made.")
prune_option = click.option("--prune", is_flag=True, help="Remove what the stack has made and its file no longer has.")

recreate_networks_option = click.option(
    "--recreate-networks",
    is_flag=True,
    help="Make networks anew whose options cannot be changed: beside the old, the services moved, the old one removed.",
)
registry_auth_option = click.option(
    "--with-registry-auth",
    is_flag=True,
    help="Send your logins at the images' registries, as docker login keeps them here, with the services, and anew "
    "with those that nothing else changes. Without it the swarm keeps what it has.",
)
remove_nodes_option = click.option(
    "--remove-nodes", is_flag=True, help="Drain, demote and remove nodes that the inventory no longer has."
)


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@images_option
@registry_auth_option
@options.yes_option
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Prove the result at the end, where something was changed or waited for.",
)
@prune_option
@recreate_networks_option
@remove_nodes_option
@adopt_option
@options.override_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
@options.timeout_option
def up(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    images_folder: Path | None,
    with_registry_auth: bool,
    yes: bool,
    verify: bool,
    prune: bool,
    recreate_networks: bool,
    remove_nodes: bool,
    adopt: bool,
    overridden: tuple[str, ...],
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    timeout_seconds: float,
) -> None:
    """Make the cluster as the inventory and the stack declare it, and prove it.

    Shows the plan and asks before anything changes. Run it again at any time: it continues, or changes nothing.

    Exit codes: 0 as declared and proved, 1 failed or refused, 2 bad input (nothing was contacted), 3 a host is
    unreachable or not trusted, nothing was changed (one lost in the middle is a 1), 4 not converged or a proof failed,
    130 interrupted, 143 ended by SIGTERM.
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
    from swarmkit.workflows.up import up as bring_up

    with command_run(
        "up",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        service_timeout_seconds=timeout_seconds,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        report = bring_up(declared, run.terms, verify=verify)
        print_report(report, declared, run.shown)
        if report.proof_failed:
            sys.exit(4)


def print_report(report: UpReport, declared: Declared, progress: LiveProgress | PlainProgress) -> None:
    """Print what was proved, the cluster as it is, and the seconds by phase."""
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_findings
    from swarmkit.report.phases import print_phases
    from swarmkit.report.status import print_status

    progress.rest()
    console = results()
    if report.findings:
        print_findings(console, report.findings)
    if not report.applied and not report.findings and report.plan.is_empty:
        click.echo("not proved, as this run changed nothing: swarmkit verify proves it", err=True)
    if report.applied or report.findings:
        print_status(console, declared.inventory, report.observed, declared.stack)
        print_phases(console, progress.phases)
