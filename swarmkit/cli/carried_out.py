"""What commands that change one thing at once share: journal, progress, and the plan that is shown and agreed to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from swarmkit.cli import options

if TYPE_CHECKING:
    from swarmkit.workflows.network_run import NetworkRun


@contextmanager
def carried_out(
    command: str, inventory_file: Path, *, yes: bool, ask_become_pass: bool, plan_is_result: bool = True
) -> Iterator[NetworkRun]:
    """Yield what a workflow runs with: the inventory, a progress, and the question before the first write.

    Without *plan_is_result* the plan goes to stderr, where stdout is a container's own.
    """
    from swarmkit.cli.agreement import agreement
    from swarmkit.cli.failures import shown_failures
    from swarmkit.cli.journaled import journaled
    from swarmkit.report.live import progress_for
    from swarmkit.workflows.inputs import read_declared
    from swarmkit.workflows.network_run import NetworkRun

    declared = read_declared(inventory_file, (), allow_even_managers=True)
    inventory = declared.inventory
    password = options.sudo_password(ask=ask_become_pass)
    with journaled(command, inventory) as journal, shown_failures(declared), progress_for(sys.stderr) as progress:
        confirm = agreement(inventory, progress, journal, yes=yes, question="apply this?", to_stderr=not plan_is_result)
        yield NetworkRun(inventory, journal.watching(progress), confirm, password)
