"""The question before the first write, which every command that changes something asks in the same way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

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
    consent: Callable[[], bool],
    *,
    to_stderr: bool,
) -> Callable[[Plan], bool]:
    """Return what shows a plan, asks for *consent*, and begins the journal when it is agreed to.

    An empty plan is shown and needs no consent.
    """

    def confirm(plan: Plan) -> bool:
        from swarmkit.report.console import messages, results
        from swarmkit.report.plan_text import print_plan

        progress.rest()
        hosts = [host.name for host in inventory.hosts]
        print_plan(messages() if to_stderr else results(), plan, cluster=inventory.cluster, hosts=hosts)
        agreed = plan.is_empty or consent()
        if agreed:
            journal.begin(plan)
        return agreed

    return confirm
