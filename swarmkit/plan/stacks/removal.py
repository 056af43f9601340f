"""The operation that removes one object of the swarm."""

from __future__ import annotations

from collections.abc import Mapping

from swarmkit.plan.model import Step, Subject
from swarmkit.plan.stacks.operations import RemoveObject
from swarmkit.reach.engine import Kind

SUBJECTS: Mapping[Kind, Subject] = {
    "services": "service",
    "networks": "network",
    "secrets": "secret",
    "configs": "config",
}


def remove_object(kind: Kind, name: str, identity: str, reason: str, after: frozenset[str]) -> RemoveObject:
    """Return the operation that removes a swarm object."""
    subject = SUBJECTS[kind]
    key = f"remove:{subject}:{name}"
    step = Step(key, subject, "remove", name, f"remove {subject}", reason, after, destructive=True)
    return RemoveObject(step, kind, identity)
