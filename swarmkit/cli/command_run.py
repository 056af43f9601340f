"""What every command that changes something runs in: its journal, its progress, and the question before it writes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.errors import AGAIN

if TYPE_CHECKING:
    from swarmkit.plan.declaration import Declared
    from swarmkit.report.live import LiveProgress
    from swarmkit.report.plain import PlainProgress
    from swarmkit.workflows.network_run import NetworkRun
    from swarmkit.workflows.terms import Terms


@dataclass(frozen=True)
class CommandRun:
    terms: Terms
    shown: LiveProgress | PlainProgress
    """What shows the progress: it has to rest before anything else is printed."""


@contextmanager
def command_run(
    command: str,
    declared: Declared,
    *,
    yes: bool = False,
    ask_become_pass: bool,
    question: str = "",
    consent: Callable[[], bool] | None = None,
    plan_is_result: bool = True,
    service_timeout_seconds: float | None = None,
    lock_wait_seconds: float = 0.0,
    go_on: str = AGAIN,
) -> Iterator[CommandRun]:
    """Yield the terms that a workflow runs on; what fails in the block is shown in full, and journaled.

    Consent is *yes*, or the answer to *question*, unless *consent* gets it in another way. Where the answer is no, the
    command ends with 1: what it was asked for is not so, and a play must not go on as if it were. Without
    *plan_is_result* the plan goes to stderr, where stdout is a container's own. *go_on* is told of a run that did not
    come to its end.
    """
    from swarmkit.cli.agreement import agreement
    from swarmkit.cli.failures import shown_failures
    from swarmkit.cli.journaled import journaled
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.terms import SERVICE_TIMEOUT_SECONDS, Terms

    inventory = declared.inventory
    password = options.sudo_password(ask=ask_become_pass)
    question = question or f"apply this to cluster '{inventory.cluster}'?"
    consent = consent or functools.partial(options.confirmed, question, yes=yes)
    timeout_seconds = SERVICE_TIMEOUT_SECONDS if service_timeout_seconds is None else service_timeout_seconds
    run = ""
    try:
        with (
            journaled(command, inventory) as journal,
            shown_failures(declared, go_on),
            progress_for(sys.stderr) as progress,
        ):
            agreed = functools.partial(_agreed_or_ended, consent)
            confirm = agreement(inventory, progress, journal, agreed, to_stderr=not plan_is_result)
            terms = Terms(journal.watching(progress), confirm, password, timeout_seconds, lock_wait_seconds)
            try:
                yield CommandRun(terms, progress)
            finally:
                run = journal.run
    except (KeyboardInterrupt, click.exceptions.Abort):
        if run and plan_is_result:
            click.echo(f"stopped in the middle, as `swarmkit history show {run}` tells", err=True)
            click.echo(f"to do: {go_on}", err=True)
        raise


def _agreed_or_ended(consent: Callable[[], bool]) -> bool:
    if not consent():
        click.echo("not agreed to: this plan was not applied", err=True)
        sys.exit(1)
    return True


@contextmanager
def network_run(
    command: str,
    inventory_file: Path,
    *,
    yes: bool,
    ask_become_pass: bool,
    plan_is_result: bool = True,
    lock_wait_seconds: float = 0.0,
) -> Iterator[NetworkRun]:
    """Yield what a workflow on networks or containers runs with, from the inventory alone."""
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.network_run import NetworkRun

    declared = read_declared(inventory_file, (), allow_even_managers=True)
    with command_run(
        command,
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        question="apply this?",
        plan_is_result=plan_is_result,
        lock_wait_seconds=lock_wait_seconds,
    ) as run:
        yield NetworkRun(declared.inventory, run.terms)
