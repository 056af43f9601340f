"""Kernels that could not be tried before their hosts carry an encrypted network for the first time."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Plan
from swarmkit.workflows.plan_examined import makes_encrypted


def untried_kernels(plan: Plan, observed: Observed) -> Iterator[Finding]:
    """Yield H04 of hosts that *plan* brings to their first encrypted network and whose kernel could not be tried.

    That is every host where the network is the swarm's first, else those that join. *observed* is what was seen after
    every kernel was asked for. Only root can try one, and Docker reports success whatever the kernel lacks.
    """
    from swarmkit.plan.nodes.swarm_operations import JoinNode

    joining = {operation.step.target for operation in plan.operations if isinstance(operation, JoinNode)}
    live = observed.cluster.networks if observed.cluster else ()
    has_encrypted = any(network.encrypted for network in live)
    is_first = makes_encrypted(plan) and not has_encrypted
    for name, facts in observed.hosts.items():
        is_new = is_first or (name in joining and has_encrypted)
        if is_new and facts.system.kernel is None:
            yield Finding(
                "H04", "error", name, "its kernel could not be tried for an encrypted overlay",
                "swarmkit is not root there, and Docker reports success though packets between hosts vanish",
                f"set ansible_become: true for {name}, with sudo that needs no password or --ask-become-pass; or, "
                "where you know that its kernel can: --override H04, which accepts it of every host",
            )  # fmt: skip
