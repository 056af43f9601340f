"""The waits for services that others depend on: one for each service and what it is to come to."""

from __future__ import annotations

from swarmkit.declared.stack.service import Condition
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.operations import AwaitService

HEALTHY: Condition = "service_healthy"


def wait_key(service: str, condition: Condition = HEALTHY) -> str:
    """Return the key of the wait for *service*, by its full name: a job that has completed runs as declared."""
    return f"wait:{service}{':started' if condition == 'service_started' else ''}"


def await_service(
    service: str, after: frozenset[str], condition: Condition = HEALTHY, *, is_job: bool = False
) -> AwaitService:
    started = condition == "service_started"
    what = "has started" if started else "has completed" if is_job else "runs healthy"
    step = Step(wait_key(service, condition), "service", "wait", service, f"wait until {service} {what}", "", after)
    return AwaitService(step, service, started)
