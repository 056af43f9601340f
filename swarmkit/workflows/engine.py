"""`engine upgrade`: the engines' packages exchanged, host by host, with a proof after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from swarmkit.declared.inventory.host import Availability, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.observed.packages import read_packages
from swarmkit.plan.engines.plans import Checks, Wanted, upgrade_plan
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.kernel_refusals import kernel_refusals
from swarmkit.reach.fleet import Fleet
from swarmkit.verify.prove import prove
from swarmkit.verify.state.nodes import prove_nodes
from swarmkit.workflows.agreed_run import Change, carry_out
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS


def upgrade_engines(inventory: Inventory, wanted: Wanted, terms: Terms) -> Applied | None:
    """Upgrade the engines that are *wanted*; None when there was nothing to do or nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """

    def look(fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        proofs = _Proofs(fleet, inventory)
        checks = Checks(proofs.of_host, proofs.of_all)
        return upgrade_plan(inventory, observed, read_packages(fleet, fleet), wanted, checks), observed

    return carry_out(terms, Change(inventory, "engine upgrade", look, "not all engines are upgraded"))


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
