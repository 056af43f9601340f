"""`swarmkit engine upgrade`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.cli.group import Group
from swarmkit.errors import InputError

_VERSION = re.compile(r"[0-9][0-9A-Za-z.+:~-]*")
"""deb-version(7), and what an engine says of itself."""


@click.group(cls=Group)
def engine() -> None:
    """The Docker engines of the hosts."""


@engine.command()
@options.inventory_option
@click.option("--host", "hosts", multiple=True, metavar="HOST", help="Only this host; repeatable.")
@click.option("--version", metavar="V", help="The engine's version or the package's; else what the sources offer.")
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
@options.timeout_option
def upgrade(
    *,
    inventory_file: Path,
    hosts: tuple[str, ...],
    version: str | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    timeout_seconds: float,
) -> None:
    """Upgrade the engines' packages (docker-ce or docker.io, by apt), host by host.

    Workers first, managers one at a time, the leader last. Each host is drained, upgraded, proved and, if it was active
    before, activated; then all services are proved before the next host. It stops at the first problem, with what is
    done and what is not; the same command goes on there.
    """
    from swarmkit.plan.engines.plans import Wanted
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.engine import upgrade_engines
    from swarmkit.workflows.inputs import read_declared

    if version is not None and not _VERSION.fullmatch(version):
        raise InputError(f"{version!r} is no version of a package", to_do="for one: --version 5:28.5.1")
    declared = read_declared(inventory_file, (), allow_even_managers=allow_even_managers)
    options.check_hosts(declared.inventory, hosts)
    with command_run(
        "engine upgrade",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        service_timeout_seconds=timeout_seconds,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        applied = upgrade_engines(declared.inventory, Wanted(hosts, version or ""), run.terms)
    if applied:
        print_outcome(results(), applied)
