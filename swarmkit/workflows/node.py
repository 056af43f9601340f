"""`node drain`, `node activate`, `node replace`: one node's plan, shown, applied and looked at again."""

from __future__ import annotations

import difflib
import functools
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import InputError, NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan, Step
from swarmkit.plan.nodes.plans import activate_plan, drain_plan, replace_plan
from swarmkit.plan.planner import first_manager
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.unfinished import IncompleteError, RefusedError
from swarmkit.workflows.waiting import Waiter, taken_back

Action = Literal["drain", "activate", "replace"]


@dataclass(frozen=True)
class Wish:
    """What shall become of one host's node."""

    inventory: Inventory
    host: Host
    action: Action
    accept_data_loss: bool = False

    def plan(self, fleet: Fleet) -> tuple[Plan, Observed]:
        """Observe and plan; raises RefusedError."""
        observed = observe(fleet, kernel="never")
        if self.action == "drain":
            plan = drain_plan(self.inventory, self.host, observed)
        elif self.action == "activate":
            plan = activate_plan(self.inventory, self.host, observed)
        else:
            observed = with_kernel_facts(fleet, observed)
            volumes = [str(volume["Name"]) for volume in fleet[self.host.name].engine.find("volumes")]
            plan = replace_plan(
                self.inventory, self.host, observed, volumes=volumes, accept_data_loss=self.accept_data_loss
            )
        if plan.refusals:
            raise RefusedError(plan)
        return plan, observed


def change_node(
    wish: Wish,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    service_timeout_seconds: float = 300.0,
    lock_wait_seconds: float = 0.0,
) -> Applied | None:
    """Do what is wished; None when there was nothing to do or *confirm* declined.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    name = wish.host.name
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(wish.inventory, sudo_password=sudo_password))
        progress.phase("observe")
        plan, observed = wish.plan(fleet)
        if not confirm(plan) or plan.is_empty:
            return None
        purpose = f"node {wish.action} {name}"
        writer = resources.enter_context(one_writer(fleet, observed, progress, purpose, lock_wait_seconds))
        if writer.met_another:
            plan, observed = wish.plan(fleet)
            if not confirm(plan) or plan.is_empty:
                return None
        progress.phase("apply")
        woken = resources.enter_context(wakeups(fleet))
        manager = first_manager(wish.inventory, observed)
        waiter = Waiter(fleet, woken, progress, service_timeout_seconds, taken_back(plan, observed))
        applied = _apply(plan, waiter, manager, writer.guard)
        progress.phase("observe again")
        left, _ = wish.plan(fleet)
        if not left.is_empty:
            still = ", ".join(operation.step.summary for operation in left.writes)
            raise NotConvergedError(f"{name}: not all is done", f"still to do: {still}", "run the same again")
        return applied


def _apply(plan: Plan, waiter: Waiter, manager: str, guard: Callable[[Step], None]) -> Applied:
    cancelled = threading.Event()
    wait_for = functools.partial(waiter.wait_for, cancelled=cancelled)
    applied = apply(plan, Context(waiter.fleet, waiter.progress, manager, wait_for, cancelled, guard))
    if applied.failed:
        raise IncompleteError(applied)
    return applied


def host_of(inventory: Inventory, name: str) -> Host:
    """Return the host *name*; raises InputError with a hint when there is none."""
    names = [host.name for host in inventory.hosts]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"no host {name!r} in the inventory",
            to_do=f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}",
        )
    return inventory.host(name)
