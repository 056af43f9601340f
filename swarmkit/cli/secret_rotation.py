"""`swarmkit rotate secrets`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from swarmkit.cli import options
from swarmkit.cli.command_run import command_run
from swarmkit.errors import AGAIN, InputError
from swarmkit.secret import Secret

_MOST_BYTES = 500 * 1024


@click.command("secrets")
@click.argument("names", nargs=-1, metavar="[SECRET]...")
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@click.option(
    "--generate",
    "to_generate",
    multiple=True,
    metavar="SECRET",
    help="Make new random content for this secret and keep it in its file; repeatable.",
)
@click.option(
    "--stdin", "from_stdin", metavar="SECRET", help="Read this secret's new content from stdin and keep it in its file."
)
@options.yes_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.lock_wait_option
@options.timeout_option
def secrets(
    *,
    names: tuple[str, ...],
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    to_generate: tuple[str, ...],
    from_stdin: str | None,
    yes: bool,
    allow_even_managers: bool,
    ask_become_pass: bool,
    lock_wait_seconds: float,
    timeout_seconds: float,
) -> None:
    """Give the stack's services the new content of its secrets, and remove the old.

    SECRET is a name under secrets: in the stack file; where none is named, all are looked at. The content is what its
    file holds now, or new content, which is written into the file first. The new secret is made beside the old one, the
    services are updated one after another as they depend on each other, and the old one goes when all run with the new.
    A run that was interrupted leaves each service with a valid one; the same without --generate and --stdin goes on.
    """
    from swarmkit.report.console import results
    from swarmkit.report.outcome import print_outcome
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.secrets import generated, rotate_secrets, rotation

    if not stack_files:
        raise InputError("no stack file: its secrets are rotated", to_do="name it with -f FILE")
    if from_stdin in to_generate:
        raise InputError(f"the secret {from_stdin} cannot be both generated and read from stdin")
    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    assert declared.stack is not None  # noqa: S101 - read from the file that was named
    contents = generated(to_generate) | ({from_stdin: _content()} if from_stdin else {})
    named = dict.fromkeys((*names, *contents))
    go_on = f"run it with {' '.join(named)} alone, without --generate and --stdin: with them it is the next rotation"
    wanted = rotation(declared.inventory, declared.stack, (*names, *contents), contents)
    with command_run(
        "rotate secrets",
        declared,
        yes=yes,
        ask_become_pass=ask_become_pass,
        service_timeout_seconds=timeout_seconds,
        lock_wait_seconds=lock_wait_seconds,
        go_on=go_on if contents else AGAIN,
    ) as run:
        applied = rotate_secrets(wanted, run.terms)
    if applied:
        print_outcome(results(), applied)


def _content() -> Secret:
    content = sys.stdin.buffer.read(_MOST_BYTES)
    if not content or len(content) == _MOST_BYTES:
        what = "empty" if not content else "too large: the engine takes less than 500 KiB"
        raise InputError(f"the content on stdin is {what}")
    return Secret(content)
