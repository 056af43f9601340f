"""What the doctor looks at before a living swarm is changed, by what a plan makes there.

Whatever it makes of services and networks: what any host lacks to run them. An encrypted network: whether the hosts can
carry it, kernels to protocol 50 between all of them; an older one that was made by hand proves nothing of that.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState
from swarmkit.plan.model import Plan

if TYPE_CHECKING:
    from swarmkit.doctor.evidence import Evidence, HostEvidence

_OF_TASKS = ("image", "network", "secret", "config", "service", "volume", "container")


def makes_encrypted(plan: Plan) -> bool:
    """Tell whether *plan* makes an encrypted network."""
    from swarmkit.plan.networks.ingress_operations import EncryptIngress
    from swarmkit.plan.networks.operations import CreateHostNetwork
    from swarmkit.plan.stacks.operations import CreateNetwork

    by_stack = [operation.body.get("Options") for operation in plan.operations if isinstance(operation, CreateNetwork)]
    by_command = [operation.wish.options for operation in plan.operations if isinstance(operation, CreateHostNetwork)]
    ingress = any(isinstance(operation, EncryptIngress) for operation in plan.operations)
    return ingress or any("encrypted" in (made or {}) for made in (*by_stack, *by_command))


def changes_what_runs(plan: Plan) -> bool:
    """Tell whether *plan* makes or changes what tasks run with; the scheduler may put them on any host."""
    return any(one.step.verb in ("create", "update") and one.step.subject in _OF_TASKS for one in plan.writes)


def encryption_findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Return the doctor's findings about what carries encryption, kernels to protocol 50 between all hosts."""
    from swarmkit.doctor.examine import examine
    from swarmkit.doctor.explained.encryption import ENCRYPTION

    return tuple(examine(evidence, now=datetime.datetime.now(tz=datetime.UTC), only=ENCRYPTION))


def host_findings(hosts: Mapping[str, HostEvidence], cluster: ClusterState | None) -> tuple[Finding, ...]:
    """Return what keeps tasks from running, or from being reached, on any of *hosts* that is to run some."""
    from swarmkit.doctor.examine import for_tasks

    active = {node.id for node in cluster.nodes if node.availability == "active"} if cluster else set()
    may_run = [host for host in hosts.values() if host.facts.engine.node_id in active]
    return tuple(found for host in may_run for found in for_tasks(host))
