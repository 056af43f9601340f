"""The order in which a stack's services come up."""

from __future__ import annotations

from swarmkit.declared.service import Service, Stack


def in_dependency_order(stack: Stack) -> list[Service]:
    """Return the services, each after those it depends on; otherwise in the order of the file. Cycles are refused
    by the loader."""
    ordered: list[Service] = []

    def visit(service: Service) -> None:
        for name in service.depends_on:
            visit(stack.service(name))
        if service not in ordered:
            ordered.append(service)

    for service in stack.services:
        visit(service)
    return ordered
