"""`node drain`, `node activate`, `node replace`: one node's plan, shown, applied and looked at again."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable
from typing import Literal

from swarmkit.converge.wait import wait_for_service, wakeups
from swarmkit.declared.host import Host, Inventory
from swarmkit.errors import InputError, NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.node_plans import activate_plan, drain_plan, replace_plan
from swarmkit.plan.planner import first_manager
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.workflows.up import IncompleteError, RefusedError

Action = Literal["drain", "activate", "replace"]


def change_node(
    inventory: Inventory,
    host_name: str,
    action: Action,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    service_timeout_seconds: float = 300.0,
    accept_data_loss: bool = False,
) -> Applied | None:
    """Do *action* to one host's node; None when *confirm* declined.

    Raises InputError for an unknown host, RefusedError, IncompleteError or NotConvergedError.
    """
    host = _host(inventory, host_name)
    progress.phase("connect")
    with reach(inventory, sudo_password=sudo_password) as fleet, wakeups(fleet) as woken:
        progress.phase("observe")
        observed = observe(fleet, kernel="never")
        if action == "replace":
            observed = with_kernel_facts(fleet, observed)
        plan = _plan(inventory, host, action, fleet, observed, accept_data_loss=accept_data_loss)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return None
        progress.phase("apply")
        cancelled = threading.Event()

        def wait_for(service: str, key: str) -> str:
            return wait_for_service(
                service, key, fleet=fleet, manager=context.manager, woken=woken, progress=progress,
                timeout_seconds=service_timeout_seconds, cancelled=cancelled,
            )  # fmt: skip

        context = Context(fleet, progress, first_manager(inventory, observed), wait_for, cancelled)
        applied = apply(plan, context)
        if applied.failed:
            raise IncompleteError(applied)
        progress.phase("observe again")
        observed = observe(fleet, kernel="never")
        left = _plan(inventory, host, action, fleet, observed, accept_data_loss=accept_data_loss)
        if not left.is_empty:
            still = ", ".join(operation.step.summary for operation in left.writes)
            raise NotConvergedError(f"{host.name}: not all is done", f"still to do: {still}", "run the same again")
        return applied


def _plan(
    inventory: Inventory, host: Host, action: Action, fleet: Fleet, observed: Observed, *, accept_data_loss: bool
) -> Plan:
    if action == "drain":
        return drain_plan(inventory, host, observed)
    if action == "activate":
        return activate_plan(inventory, host, observed)
    volumes = [str(volume["Name"]) for volume in fleet[host.name].engine.find("volumes")]
    return replace_plan(inventory, host, observed, volumes=volumes, accept_data_loss=accept_data_loss)


def _host(inventory: Inventory, name: str) -> Host:
    names = [host.name for host in inventory.hosts]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"no host {name!r} in the inventory",
            to_do=f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}",
        )
    return inventory.host(name)
