"""One drill: a twin boots, a backup is restored or the stack rebuilt on it, the proof is run, and all is told."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from swarmkit.cli.journaled import journaled
from swarmkit.cli.rehearsing.twin import twin_of
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.workflows.terms import Terms

if TYPE_CHECKING:
    from swarmkit.declared.stack.image_archive import ImageArchive
    from swarmkit.recovery.archive import Archive


@dataclass(frozen=True)
class Drill:
    """What is rehearsed: the restore of *archive*, or the rebuild of *rebuilt* with data."""

    inventory: Inventory
    """The real one; no host of it is contacted."""
    made_at: str
    """When the data is of."""
    archive: Archive | None = None
    rebuilt: Declared | None = None
    images: Mapping[str, ImageArchive] = field(default_factory=dict)


def run_drill(drill: Drill) -> bool:
    """Run *drill* on a twin and print its report; tell whether all was proved."""
    from swarmkit.report.console import results
    from swarmkit.report.findings import print_findings
    from swarmkit.report.live import progress_for
    from swarmkit.report.phases import print_phases

    began = time.monotonic()
    with ExitStack() as resources:
        twin = resources.enter_context(twin_of(drill.inventory, lambda said: click.echo(said, err=True)))
        booted = time.monotonic() - began
        _tell_of(drill, twin)
        journal = resources.enter_context(journaled("rehearse", twin))
        with progress_for(sys.stderr) as progress:

            def shown(plan: Plan) -> bool:
                progress.rest()
                _print_plan(plan, twin)
                journal.begin(plan)
                return True

            began = time.monotonic()
            findings = _recover(drill, twin, Terms(journal.watching(progress), shown))
            recovered = time.monotonic() - began
        console = results()
        print_findings(console, findings)
        print_phases(console, progress.phases)
    proved = not any(finding.severity == "error" for finding in findings)
    what = "restored" if drill.archive else "rebuilt"
    click.echo(f"rehearsed: {what} {'and proved' if proved else 'but NOT proved'} in {recovered:.0f} s on "
               f"{len(twin.hosts)} lab hosts, which booted in {booted:.0f} s; the twin is gone")  # fmt: skip
    click.echo(f"data of {drill.made_at}, {_age(drill.made_at)} old: what is newer would be lost")
    return proved


def _tell_of(drill: Drill, twin: Inventory) -> None:
    from swarmkit import lab as room

    names = ", ".join(f"{host.name} {host.address}" for host in twin.hosts)
    if any(room.number_of(host.address) is not None for host in drill.inventory.hosts):
        click.echo(f"the inventory's hosts are the lab's own; the twin is another lab beside it: {names}")
    else:
        click.echo(f"the twin, which reaches no host of the inventory: {names}")


def _print_plan(plan: Plan, twin: Inventory) -> None:
    from swarmkit.report.console import results
    from swarmkit.report.plan_text import print_plan

    print_plan(results(), plan, cluster=f"{twin.cluster} (the twin)", hosts=[host.name for host in twin.hosts])


def _recover(drill: Drill, twin: Inventory, terms: Terms) -> Sequence[Finding]:
    from swarmkit.cli.failures import shown_failures

    with shown_failures(Declared(twin)):
        if drill.archive is not None:
            from swarmkit.workflows.restore import restore
            from swarmkit.workflows.restore_scene import Agreed

            # A manager of then that the inventory has no more is not on the twin, which reaches no real one.
            lost = frozenset(drill.archive.manifest.managers) - {host.name for host in twin.hosts}
            agreed = Agreed(lost, new_addresses=True, archives=drill.images)
            report = restore(twin, drill.archive, agreed, terms)
            return report.findings if report else ()
        from swarmkit.workflows.up import up

        assert drill.rebuilt is not None  # noqa: S101 - one of both
        return up(replace(drill.rebuilt, inventory=twin), terms).findings


def _age(made_at: str) -> str:
    age = datetime.datetime.now(tz=datetime.UTC) - datetime.datetime.fromisoformat(made_at)
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2 * 24 * 60 else f"{minutes // (24 * 60)} days"


def enclosed_inventory(archive: Archive, folder: Path) -> Inventory:
    """Return the inventory that the backup was taken with; its hosts' key files are not looked for."""
    from swarmkit.declared.inventory.reading import load_inventory
    from swarmkit.recovery.archive_writer import INVENTORY

    if INVENTORY not in archive.small:
        raise InputError(
            f"the backup {archive.path} holds no inventory", to_do="give one: swarmkit rehearse ARCHIVE -i FILE"
        )
    path = folder / "inventory.yaml"
    path.write_bytes(archive.small[INVENTORY])
    return load_inventory(path, allow_even_managers=True, check_files=False)
