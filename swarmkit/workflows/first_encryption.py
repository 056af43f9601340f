"""What is tried before a living swarm's first encrypted network: nothing shows yet that its hosts can carry one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Plan

if TYPE_CHECKING:
    from swarmkit.doctor.evidence import Evidence


def makes_first_encrypted(plan: Plan, observed: Observed) -> bool:
    """Tell whether *plan* makes an encrypted network of a swarm that has none."""
    from swarmkit.plan.networks.ingress import EncryptIngress
    from swarmkit.plan.networks.operations import CreateHostNetwork
    from swarmkit.plan.stacks.operations import CreateNetwork

    live = observed.cluster.networks if observed.cluster else ()
    by_stack = [operation.body.get("Options") for operation in plan.operations if isinstance(operation, CreateNetwork)]
    by_command = [operation.wish.options for operation in plan.operations if isinstance(operation, CreateHostNetwork)]
    ingress = any(isinstance(operation, EncryptIngress) for operation in plan.operations)
    return not any(network.encrypted for network in live) and (
        ingress or any("encrypted" in (made or {}) for made in (*by_stack, *by_command))
    )


def encryption_findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Return the doctor's findings about what carries encryption, kernels to protocol 50 between all hosts."""
    from swarmkit.doctor.examine import examine
    from swarmkit.doctor.explained.encryption import ENCRYPTION

    return tuple(examine(evidence, now=datetime.datetime.now(tz=datetime.UTC), only=ENCRYPTION))


def untried_kernels(plan: Plan, observed: Observed) -> Iterator[Finding]:
    """Yield H04 of hosts that *plan* brings to their first encrypted network and whose kernel could not be tried.

    That is every host where the network is the swarm's first, else those that join. *observed* is what was seen after
    every kernel was asked for. Only root can try one, and Docker reports success whatever the kernel lacks.
    """
    from swarmkit.plan.nodes.swarm_operations import JoinNode

    joining = {operation.step.target for operation in plan.operations if isinstance(operation, JoinNode)}
    live = observed.cluster.networks if observed.cluster else ()
    is_first = makes_first_encrypted(plan, observed)
    for name, facts in observed.hosts.items():
        is_new = is_first or (name in joining and any(network.encrypted for network in live))
        if is_new and facts.system.kernel is None:
            yield Finding(
                "H04", "error", name, "its kernel could not be tried for an encrypted overlay",
                "swarmkit is not root there, and Docker reports success though packets between hosts vanish",
                f"set ansible_become: true for {name}, with sudo that needs no password or --ask-become-pass; or, "
                "where you know that its kernel can: --override H04",
            )  # fmt: skip
