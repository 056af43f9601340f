"""Services that a run which was cut off left without tasks, and how a backup goes on with them; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, ServiceState
from swarmkit.plan.data.holding import HELD_LABEL, ReleaseService, holder_of
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.stacks.operations import AwaitService

_WHY = "a backup that was cut off left it standing; what this one takes is planned when it runs"


def left_standing(cluster: ClusterState) -> tuple[ServiceState, ...]:
    """Return the services that a backup holds; only one that was cut off still does, once the cluster is another's."""
    return tuple(service for service in cluster.services if holder_of(service.labels) == "backup")


def letting_go(services: tuple[ServiceState, ...]) -> Iterator[Operation]:
    """Yield how each of *services* gets the tasks back that it had, and is waited for until they run."""
    for service in services:
        name, tasks = service.name, service.labels[HELD_LABEL]
        what = f"let it run again with {tasks} task{'' if tasks == '1' else 's'}"
        release = Step(f"release:{name}", "service", "update", name, what, _WHY)
        yield ReleaseService(release, name)
        wait = Step(f"wait:{name}", "service", "wait", name, f"wait until {name} runs", "", frozenset({release.key}))
        yield AwaitService(wait, name)


def started_refusals(cluster: ClusterState, stack: str, *, joins: bool) -> Iterator[Finding]:
    """Yield each service that waits for the data of a restore: with its tasks back it would use what is empty.

    Of *stack* alone, which is all that gets its tasks back; of all where a host *joins*: the database that was on it
    would begin there. One that somebody gave tasks runs already.
    """
    modes = ((service, service.spec["Mode"].get("Replicated") or {}) for service in cluster.services)
    held = (service for service, replicated in modes if not replicated.get("Replicas"))
    services = tuple(service for service in held if joins or service.stack == stack)
    for finding in standing_refusals(replace(cluster, services=services)):
        remedy = "run that again: it goes on (images that hosts lack: --images DIR)"
        yield replace(finding, remedy=f"{remedy}; to start what waits without its data: --override H58")


def standing_refusals(cluster: ClusterState) -> Iterator[Finding]:
    """Yield each service that waits for the data of a restore: a backup now would be one without that data."""
    for service in cluster.services:
        if holder_of(service.labels) == "restore":
            yield Finding(
                "H58", "error", service.name, "stands still until the data is in that it depends on",
                "a restore or a rebuild was cut off", "run it again: it goes on",
            )  # fmt: skip
