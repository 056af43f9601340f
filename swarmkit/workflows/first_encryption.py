"""What is tried before a living swarm's first encrypted network: nothing shows yet that its hosts can carry one."""

from __future__ import annotations

import datetime
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
