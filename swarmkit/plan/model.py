"""A plan: operations that know what they wait for, show themselves and run themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from swarmkit.finding import Finding
from swarmkit.plan.context import Context
from swarmkit.plan.stacks.spec_diff import Change

Subject = Literal["swarm", "node", "image", "network", "secret", "config", "service", "volume", "container"]
Verb = Literal["create", "update", "remove", "wait"]


@dataclass(frozen=True)
class Step:
    """What every operation shows of itself, and what it waits for."""

    key: str
    """Unique in a plan, such as ``service:shop_backend``."""
    subject: Subject
    verb: Verb
    target: str
    """The object or host it concerns: ``A``, ``shop_backend``."""
    summary: str
    """Lower case, no stop: ``join as worker``."""
    reason: str = ""
    """Why it is needed, such as ``not in a swarm``."""
    after: frozenset[str] = frozenset()
    """Keys of the operations that must have succeeded before."""
    changes: tuple[Change, ...] = ()
    """Field by field what an update changes."""
    destructive: bool = False


class Operation(Protocol):
    """One action on the cluster. ``run`` is called at most once; it is never retried."""

    @property
    def step(self) -> Step: ...

    def run(self, context: Context) -> str:
        """Do it and return a short note of what was done (or ""); raise SwarmkitError when it failed."""
        ...


@dataclass(frozen=True)
class Plan:
    operations: tuple[Operation, ...] = ()
    """In an order in which each stands after those it waits for."""
    refusals: tuple[Finding, ...] = ()
    """Why nothing may be done; a plan with refusals has no operations."""
    warnings: tuple[Finding, ...] = ()
    held_back: tuple[Operation, ...] = ()
    """What the refusals keep from being done; to compare by, never applied."""
    why_nothing: str = ""
    """Why there is nothing to do, where it is not that the cluster is as declared."""

    @property
    def writes(self) -> tuple[Operation, ...]:
        """The operations that change something: waits do not."""
        return tuple(operation for operation in self.operations if operation.step.verb != "wait")

    @property
    def is_empty(self) -> bool:
        return not self.writes

    @property
    def makes_nodes(self) -> bool:
        """Whether a host becomes a node by it: then all is checked that a node needs."""
        return any(operation.step.key.startswith(("swarm:init", "join:")) for operation in self.operations)


OutcomeStatus = Literal["done", "failed", "unknown", "not started"]


@dataclass(frozen=True)
class Outcome:
    """How an operation ended: *unknown* when the link broke before the answer."""

    step: Step
    status: OutcomeStatus
    seconds: float = 0.0
    note: str = ""
    error: Exception | None = None


@dataclass(frozen=True)
class Applied:
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self.outcomes.values() if outcome.status in ("failed", "unknown"))
