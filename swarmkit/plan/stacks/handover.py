"""Published ports that go from one service of a stack to another: the one lets go before the other takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from swarmkit.observed.model import ServiceState
from swarmkit.plan.model import Operation
from swarmkit.plan.stacks.operations import CreateService, UpdateService
from swarmkit.plan.stacks.order import in_waiting_order


def hand_over(
    services: list[Operation], removed: list[Operation], live: Sequence[ServiceState]
) -> tuple[list[Operation], list[Operation]]:
    """Return *services* and *removed* with each that takes a port after the one that gives it up.

    The engine refuses a port of the routing mesh that another service has, and in host mode a task waits for it. Two
    that change places cannot wait for each other: they stay as they are.
    """
    by_key = {operation.step.key: operation for operation in [*services, *removed]}
    first: set[str] = set()
    for taker, giver, _ in _handovers(by_key.values(), live):
        going, coming = by_key[giver], by_key[taker]
        if going.step.verb == "remove":
            by_key[giver] = _after(going, frozenset())
            first.add(giver)
        elif taker in _all_before(giver, by_key):
            continue
        by_key[taker] = _after(coming, coming.step.after | {giver})
    moved = [by_key[key] for key in (*sorted(first), *(operation.step.key for operation in services))]
    return in_waiting_order(moved), [operation for operation in removed if operation.step.key not in first]


def handed_over(operations: Iterable[Operation], live: Sequence[ServiceState]) -> frozenset[tuple[str, str, str]]:
    """Return (taker, giver, port) for each port that a service takes after another of the plan has let it go."""
    by_key = {operation.step.key: operation for operation in operations}
    return frozenset(
        (by_key[taker].step.target, by_key[giver].step.target, port)
        for taker, giver, port in _handovers(by_key.values(), live)
        if giver in by_key[taker].step.after
    )


def _handovers(operations: Iterable[Operation], live: Sequence[ServiceState]) -> Iterator[tuple[str, str, str]]:
    """Yield the keys of who takes a port and who gives it up, and the port."""
    changed = {op.step.target: op for op in operations if op.step.subject == "service" and op.step.verb != "wait"}
    for taker in changed.values():
        if not isinstance(taker, CreateService | UpdateService):
            continue
        wanted = _ports(taker.spec)
        for holder in live:
            giver = changed.get(holder.name)
            if giver is None or giver is taker:
                continue
            kept = _ports(giver.spec) if isinstance(giver, UpdateService) else {}
            for port in sorted((wanted.keys() & holder.published.keys()) - kept.keys()):
                yield taker.step.key, giver.step.key, port


def _ports(spec: Mapping[str, Any]) -> Mapping[str, str]:
    return ServiceState("", 0, "", {}, spec).published


def _after(operation: Any, keys: frozenset[str]) -> Operation:
    changed: Operation = replace(operation, step=replace(operation.step, after=keys))
    return changed


def _all_before(key: str, operations: Mapping[str, Operation]) -> set[str]:
    """Return the keys of all that *key* waits for, directly or not."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for other in operations[waiting.pop()].step.after & operations.keys():
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
