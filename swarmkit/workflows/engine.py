"""`engine upgrade`: the engines' packages exchanged, host by host, with a proof after each."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import cast

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Availability, Inventory
from swarmkit.errors import NotConvergedError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.observed.packages import read_packages
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.engines.plans import Checks, Wanted, upgrade_plan
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.plan.planner import first_manager
from swarmkit.plan.progress import Progress
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.verify.state.nodes import prove_nodes
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.unfinished import IncompleteError, RefusedError
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS
from swarmkit.workflows.waiting import Waiter, taken_back


def upgrade_engines(
    inventory: Inventory,
    wanted: Wanted,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    service_timeout_seconds: float = 300.0,
    lock_wait_seconds: float = 0.0,
) -> Applied | None:
    """Upgrade the engines that are *wanted*; None when there was nothing to do or *confirm* declined.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(inventory, sudo_password=sudo_password))
        progress.phase("observe")
        plan, observed = _look(inventory, wanted, fleet)
        if not confirm(plan) or plan.is_empty:
            return None
        writer = resources.enter_context(one_writer(fleet, observed, progress, "engine upgrade", lock_wait_seconds))
        if writer.met_another:
            plan, observed = _look(inventory, wanted, fleet)
            if not confirm(plan) or plan.is_empty:
                return None
        progress.phase("apply")
        woken = resources.enter_context(wakeups(fleet))
        waiter = Waiter(fleet, woken, progress, service_timeout_seconds, taken_back(plan, observed))
        cancelled = threading.Event()
        wait_for = functools.partial(waiter.wait_for, cancelled=cancelled)
        manager = first_manager(inventory, observed)
        applied = apply(plan, Context(fleet, progress, manager, wait_for, cancelled, writer.guard))
        if applied.failed:
            raise IncompleteError(applied)
        progress.phase("observe again")
        left, _ = _look(inventory, wanted, fleet)
        if not left.is_empty:
            still = ", ".join(f"{one.step.target}: {one.step.summary}" for one in left.writes)
            raise NotConvergedError("not all engines are upgraded", f"still to do: {still}", "run the same again")
        return applied


def _look(inventory: Inventory, wanted: Wanted, fleet: Fleet) -> tuple[Plan, Observed]:
    observed = observe(fleet, kernel="never")
    packages = read_packages(fleet, fleet)
    proofs = _Proofs(fleet, inventory)
    plan = upgrade_plan(inventory, observed, packages, wanted, Checks(proofs.of_host, proofs.of_all))
    if plan.refusals:
        raise RefusedError(plan)
    return plan, observed


@dataclass(frozen=True)
class _Proofs:
    fleet: Fleet
    inventory: Inventory

    def of_host(self, name: str) -> Callable[[], Sequence[Finding]]:
        """Return the proof of one host: a ready node as declared but for its availability, with a fit kernel."""

        def proof() -> Sequence[Finding]:
            observed = with_kernel_facts(self.fleet, observe(self.fleet, kernel="never"))
            if observed.cluster is None:
                return (Finding("H54", "error", name, "no manager tells of the swarm", observed.cluster_error),)
            nodes = prove_nodes(self._as_it_is(observed), observed.cluster, observed)
            return tuple(one for one in (*nodes, *kernel_refusals(observed)) if one.where == name)

        return proof

    def of_all(self, name: str) -> Callable[[], Sequence[Finding]]:
        """Return the proof of all that the cluster runs, after *name* is back."""
        del name

        def proof() -> Sequence[Finding]:
            observed = observe(self.fleet, kernel="never")
            inventory = self._as_it_is(observed)
            return prove(self.fleet, inventory, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings

        return proof

    def _as_it_is(self, observed: Observed) -> Inventory:
        """Return the inventory with every host's availability as it is: who drained a host had a reason."""
        cluster = observed.cluster
        hosts = []
        for host in self.inventory.hosts:
            node = cluster.node(observed.hosts[host.name].engine.node_id) if cluster else None
            availability = cast("Availability", node.availability) if node else host.availability
            hosts.append(replace(host, availability=availability))
        return replace(self.inventory, hosts=tuple(hosts))
