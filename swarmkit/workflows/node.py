"""`node drain`, `node activate`, `node replace`: one node's plan, shown, applied and looked at again."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import InputError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe, with_kernel_facts
from swarmkit.plan.model import Applied, Plan
from swarmkit.plan.nodes.plans import activate_plan, drain_plan, replace_plan
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.agreed_run import Change, carry_out
from swarmkit.workflows.terms import Terms

Action = Literal["drain", "activate", "replace"]


@dataclass(frozen=True)
class Wish:
    """What shall become of one host's node."""

    inventory: Inventory
    host: Host
    action: Action
    accept_data_loss: bool = False

    def plan(self, fleet: Fleet) -> tuple[Plan, Observed]:
        observed = observe(fleet, kernel="never")
        if self.action == "drain":
            return drain_plan(self.inventory, self.host, observed), observed
        if self.action == "activate":
            return activate_plan(self.inventory, self.host, observed), observed
        observed = with_kernel_facts(fleet, observed)
        volumes = [str(volume["Name"]) for volume in fleet[self.host.name].engine.find("volumes")]
        plan = replace_plan(
            self.inventory, self.host, observed, volumes=volumes, accept_data_loss=self.accept_data_loss
        )
        return plan, observed


def change_node(wish: Wish, terms: Terms) -> Applied | None:
    """Do what is wished; None when there was nothing to do or nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    name = wish.host.name
    change = Change(wish.inventory, f"node {wish.action} {name}", wish.plan, f"{name}: not all is done")
    return carry_out(terms, change)


def host_of(inventory: Inventory, name: str) -> Host:
    """Return the host *name*; raises InputError with a hint when there is none."""
    names = [host.name for host in inventory.hosts]
    if name in (host.name for host in inventory.leaving):
        raise InputError(f"host {name} has swarm_state: absent in the inventory", to_do="swarmkit up lets it leave")
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"no host {name!r} in the inventory",
            to_do=f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}",
        )
    return inventory.host(name)
