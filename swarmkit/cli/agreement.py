"""The question before the first write, which every command that changes something asks in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmkit.cli import options

if TYPE_CHECKING:
    from swarmkit.declared.inventory.host import Inventory
    from swarmkit.journal.write import Journal
    from swarmkit.plan.model import Plan
    from swarmkit.report.live import LiveProgress
    from swarmkit.report.plain import PlainProgress


def agreement(
    inventory: Inventory,
    progress: LiveProgress | PlainProgress,
    journal: Journal,
    *,
    yes: bool,
    question: str = "",
    to_stderr: bool = False,
) -> Callable[[Plan], bool]:
    """Return what shows a plan, asks whether to apply it, and begins the journal when it is agreed to.

    *question* is asked instead of the usual one. An empty plan is shown and needs no consent.
    """
    question = question or f"apply this to cluster '{inventory.cluster}'?"

    def confirm(plan: Plan) -> bool:
        from swarmkit.report.console import messages, results
        from swarmkit.report.plan_text import print_plan

        progress.rest()
        hosts = [host.name for host in inventory.hosts]
        print_plan(messages() if to_stderr else results(), plan, cluster=inventory.cluster, hosts=hosts)
        agreed = plan.is_empty or options.confirmed(question, yes=yes)
        if agreed:
            journal.begin(plan)
        return agreed

    return confirm
