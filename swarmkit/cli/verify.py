"""`swarmkit verify`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli import options
from swarmkit.cli.written_files import WrittenFiles

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.finding import Finding
    from swarmkit.plan.progress import Progress
    from swarmkit.proof import Proof


@click.command()
@options.inventory_option
@options.stack_files_option
@options.stack_name_option
@options.allow_even_managers_option
@options.ask_become_pass_option
@options.json_option
@click.option(
    "--watch",
    "watch_seconds",
    is_flag=False,
    flag_value="30",
    callback=options.pause_seconds,
    metavar="SECONDS",
    help="Prove again every SECONDS (30 if not given) and print what changed, until Ctrl-C; with --json a whole "
    "proof in a line, at first and each time that something changed.",
)
@click.option("--all", "all_of_them", is_flag=True, help="Print also each finding that follows from another.")
@click.option(
    "--metrics",
    "metrics_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the outcome as metrics for node-exporter's textfile collector; also that no proof came to be.",
)
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all of it as one page for a browser: hosts, networks, findings, who reaches whom.",
)
def verify(
    *,
    inventory_file: Path,
    stack_files: tuple[Path, ...],
    stack_name: str | None,
    allow_even_managers: bool,
    ask_become_pass: bool,
    as_json: bool,
    all_of_them: bool,
    watch_seconds: float | None,
    metrics_file: Path | None,
    html_file: Path | None,
) -> None:
    """Prove that nodes and services are as declared, reach each other, and that the overlay is encrypted.

    Without --file, every service of the cluster is proved against its own spec.

    A host that does not answer is an error (V14); what can be proved on the others is proved.

    Exit codes: 0 proved, 1 it failed, 2 bad input (nothing was contacted), 3 no host is reachable and trusted, 4 not
    proved, or a host does not answer, 130 interrupted, 143 ended by SIGTERM; with --watch, 0 or 4 by the last proof
    before either.
    """
    import datetime
    import json

    read = [inventory_file, *stack_files, *options.sudo_password_files()]
    files = WrittenFiles({"--metrics": metrics_file, "--html": html_file}, read=read)

    from swarmkit.report.console import results
    from swarmkit.report.findings import is_proved, print_findings, proof_as_json
    from swarmkit.report.live import progress_for
    from swarmkit.report.metrics import READABLE_BY_ALL, metrics_text
    from swarmkit.report.page.render import proof_page
    from swarmkit.workflows import look
    from swarmkit.workflows.inputs import read_declared

    options.refuse_name_without_file(stack_files, stack_name)
    declared = read_declared(
        inventory_file, stack_files, stack_name=stack_name, allow_even_managers=allow_even_managers
    )
    files.keep([*declared.inventory.files, *(declared.stack.files if declared.stack else ())])
    password = options.sudo_password(ask=ask_become_pass)

    cluster = declared.inventory.cluster

    def print_json(found: Proof) -> None:
        click.echo(json.dumps(proof_as_json(found), indent=None if watch_seconds is not None else 2))

    def write_page(found: Proof, seconds: float = 0.0) -> None:
        if html_file:
            now = datetime.datetime.now(tz=datetime.UTC)
            files.write("--html", proof_page(found, cluster=cluster, seconds=seconds, now=now))

    def prove(progress: Progress) -> Proof:
        began = time.monotonic()
        with _told_when_it_fails(files, cluster):
            found = look.verify(declared, progress=progress, sudo_password=password)
        seconds = time.monotonic() - began
        if metrics_file:
            text = metrics_text(found.findings, cluster=cluster, seconds=seconds, now=time.time())
            files.write("--metrics", text, mode=READABLE_BY_ALL)
        write_page(found, seconds)
        return found

    show = [write_page, print_json] if as_json else [write_page]
    with _told_where_none_answers(declared.inventory, show), progress_for(sys.stderr) as progress:
        proof = prove(progress)
    if as_json:
        print_json(proof)
    else:
        print_findings(results(), proof.findings, all_of_them=all_of_them)
    findings = proof.findings
    if watch_seconds is not None:
        findings = _watch(prove, findings, watch_seconds, _json_changes if as_json else _told_changes)
    if not is_proved(findings):
        sys.exit(4)
    if not files.are_written:
        sys.exit(1)


@contextmanager
def _told_where_none_answers(inventory: Inventory, show: Iterable[Callable[[Proof], None]]) -> Iterator[None]:
    """Show for each host why it does not answer, where none does; the error is raised all the same."""
    from swarmkit.reach.fleet import NoneReachedError
    from swarmkit.workflows import look

    try:
        yield
    except NoneReachedError as error:
        for told in show:
            told(look.nothing_proved(inventory, error.failures))
        raise


@contextmanager
def _told_when_it_fails(files: WrittenFiles, cluster: str) -> Iterator[None]:
    """Write to the metrics that nothing is proved when no proof comes to be: what they said before holds no more."""
    try:
        yield
    except Exception as error:
        if metrics_file := files.path("--metrics"):
            from swarmkit.report.metrics import READABLE_BY_ALL, unproved_text

            try:
                before = metrics_file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                before = ""
            text = unproved_text(_unproved(error), cluster=cluster, before=before)
            files.write("--metrics", text, mode=READABLE_BY_ALL)
        raise


def _unproved(error: Exception) -> Finding:
    from swarmkit.errors import SwarmkitError
    from swarmkit.finding import Finding

    if isinstance(error, SwarmkitError):
        return Finding("V14", "error", "hosts", error.what, error.why, error.to_do)
    return Finding("V14", "error", "hosts", f"{type(error).__name__}: {error}")


def _told_changes(before: tuple[Finding, ...], proof: Proof) -> None:
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_changes

    print_changes(results(), before, proof.findings)


def _json_changes(before: tuple[Finding, ...], proof: Proof) -> None:
    import json

    from swarmkit.report.findings import has_changed, proof_as_json

    if has_changed(before, proof.findings):
        click.echo(json.dumps(proof_as_json(proof)))


def _watch(
    prove: Callable[[Progress], Proof],
    findings: tuple[Finding, ...],
    pause: float,
    show: Callable[[tuple[Finding, ...], Proof], None],
) -> tuple[Finding, ...]:
    """Prove again each *pause* seconds and *show* what changed, until interrupted; return the last findings."""
    from swarmkit.errors import SwarmkitError
    from swarmkit.plan.progress import Silent
    from swarmkit.proof import Proof

    while True:
        try:
            sys.stdout.flush()
            time.sleep(pause)
            try:
                newest = prove(Silent())
            except SwarmkitError as error:
                newest = Proof((_unproved(error),))
            show(findings, newest)
            findings = newest.findings
        except KeyboardInterrupt:
            return findings
