"""Moving the services of a stack from one network to another while they serve; pure.

Every service is put on both networks, one after another, and only then each is taken from the old one: at any time
any two of them share a network. Each step is an update of the service by its own update_config. A job, which every
update runs again, is updated once: it goes over in its turn, when all others are on the new one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from swarmkit.finding import Finding
from swarmkit.observed.jobs import is_job
from swarmkit.observed.model import ClusterState, ServiceState
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.stacks.jobs import with_job_told
from swarmkit.plan.stacks.networks import NetworkMove
from swarmkit.plan.stacks.operations import MoveService, RemoveObject, UpdateService
from swarmkit.plan.stacks.service_waits import await_service
from swarmkit.plan.stacks.spec_diff import with_names


@dataclass(frozen=True)
class MovingService:
    """A service on an old network, and the update that makes it as declared."""

    live: ServiceState
    update: UpdateService


def targets_of(spec: Mapping[str, Any]) -> list[str]:
    return [str(entry["Target"]) for entry in spec["TaskTemplate"].get("Networks") or []]


def move_refusals(moves: Sequence[NetworkMove], cluster: ClusterState, moving: Sequence[str]) -> Iterator[Finding]:
    """Yield the services on an old network that are not *moving*, by name: it could not be removed."""
    for move in moves:
        others = sorted(
            service.name
            for service in cluster.services
            if move.old.id in targets_of(service.spec) and service.name not in moving
        )
        if others:
            what = (
                f"network {move.old.name} cannot be made anew: services that the stack file does not declare are on it"
            )
            remedy = "take them off it first; those that left the file: --prune"
            yield Finding("B45", "error", move.name, what, ", ".join(others), remedy)


def move_operations(
    moves: Sequence[NetworkMove], services: Sequence[MovingService], cluster: ClusterState
) -> list[Operation]:
    """Return the joinings, then the partings, each after a wait for the one before."""
    names = cluster.network_names
    operations: list[Operation] = []
    before: frozenset[str] = frozenset()
    expected: dict[str, dict[str, Any]] = {}
    for service in services:
        live = with_names(service.live.spec, names)
        both = _joined(live, moves)
        expected[service.live.name] = live if is_job(live) else both
        # A job that joined too would run twice, and one that is done reaches nobody. One whose update onto both was
        # stopped half way has tasks on the old ones alone: it joins once more, and none leaves before it has.
        if not is_job(live) and (both != live or not service.live.is_settled):
            # A join waits for no service that the stack file says it depends on: those part only after all have joined.
            needs = frozenset(key for key in service.update.step.after if not key.startswith("wait:"))
            operations += _awaited(_join(service, both, moves, before | needs), f"wait:join:{service.live.name}")
            before = frozenset({operations[-1].step.key})
    for service in services:
        step = replace(
            service.update.step,
            after=service.update.step.after | before,
            reason=with_job_told(_leaves(service.live, moves), service.update.spec),
        )
        move_on = MoveService(step, service.live.id, expected[service.live.name], service.update.spec)
        operations += _awaited(move_on, f"wait:{service.live.name}")
        before = frozenset({operations[-1].step.key})
    return operations


def removals(moves: Sequence[NetworkMove], after: frozenset[str]) -> Iterator[RemoveObject]:
    for move in moves:
        key = f"remove:network:{move.old.name}"
        reason = f"{move.target} has taken its place"
        step = Step(
            key, "network", "remove", move.old.name, "remove network", reason, after, move.changes, destructive=True
        )
        yield RemoveObject(step, "networks", move.old.id)


def _join(
    service: MovingService, both: dict[str, Any], moves: Sequence[NetworkMove], after: frozenset[str]
) -> UpdateService:
    ids = targets_of(service.live.spec)
    joined = ", ".join(sorted({move.target for move in moves if move.old.id in ids}))
    key = f"join:{service.live.name}"
    step = Step(
        key, "service", "update", service.live.name, f"put it on {joined} too", "before any leaves the old one", after
    )
    return UpdateService(step, service.live.id, service.live.version, both, service.live.spec)


def _leaves(live: ServiceState, moves: Sequence[NetworkMove]) -> str:
    return ", ".join(f"leaves {move.old.name}" for move in moves if move.old.id in targets_of(live.spec))


def _awaited(operation: UpdateService | MoveService, key: str) -> list[Operation]:
    name = operation.step.target
    wait = await_service(name, frozenset({operation.step.key}), is_job=is_job(operation.spec))
    return [operation, replace(wait, step=replace(wait.step, key=key))]


def _joined(live: Mapping[str, Any], moves: Sequence[NetworkMove]) -> dict[str, Any]:
    """Return *live* with each new network beside the old one, under the same names."""
    spec = copy.deepcopy(dict(live))
    networks = spec["TaskTemplate"].get("Networks") or []
    there = {entry["Target"] for entry in networks}
    for move in moves:
        for entry in list(networks):
            if entry["Target"] == move.old.name and move.target not in there:
                networks.append({**copy.deepcopy(entry), "Target": move.target})
                there.add(move.target)
    return spec
