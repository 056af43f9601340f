"""The order in which a stack's services come up."""

from __future__ import annotations

from collections.abc import Sequence

from swarmkit.declared.stack.service import Service, Stack
from swarmkit.plan.model import Operation


def in_dependency_order(stack: Stack) -> list[Service]:
    """Return the services, each after those it depends on; otherwise in the order of the file. Cycles are refused
    by the loader."""
    by_name = {service.name: service for service in stack.services}
    ordered: dict[str, Service] = {}

    def visit(service: Service) -> None:
        if service.name not in ordered:
            for name in service.depends_on:
                visit(by_name[name])
            ordered[service.name] = service

    for service in stack.services:
        visit(service)
    return list(ordered.values())


def in_waiting_order(operations: Sequence[Operation]) -> list[Operation]:
    """Return *operations* with each after those among them that it waits for, else in the order they have."""
    waiting = list(operations)
    ordered: list[Operation] = []
    while waiting:
        left = {operation.step.key for operation in waiting}
        ready = next(operation for operation in waiting if not operation.step.after & left)
        ordered.append(ready)
        waiting.remove(ready)
    return ordered
