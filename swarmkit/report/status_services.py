"""The services' rows of a status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.observed.global_services import nodes_of_global
from swarmkit.observed.model import ClusterState, ServiceState, TaskState

_STUCK_UPDATES = ("paused", "rollback_paused", "rollback_started", "rollback_completed")


@dataclass(frozen=True)
class ServiceRow:
    name: str
    image: str
    running: int
    """Of a job: how many tasks have completed."""
    declared: int
    placement: Mapping[str, int]
    """Host -> the tasks that are counted."""
    addresses: tuple[str, ...]
    """``host.address:port`` of what is published."""
    state: str
    why: str = ""
    """What the state comes from, when something is wrong."""
    working: int | None = None
    """Of a job: how many tasks are at it; None of what is no job."""
    at_once: int = 0
    """Of a job: how many tasks may be at it side by side."""

    @property
    def tasks(self) -> str:
        """As ``docker service ls`` counts."""
        if self.working is None:
            return f"{self.running}/{self.declared}"
        return f"{self.working}/{self.at_once} ({self.running}/{self.declared} completed)"


def service_rows(
    inventory: Inventory,
    cluster: ClusterState,
    stack: Stack | None,
    names: Mapping[str, str],
    tags: Mapping[str, str],
    only: str,
) -> tuple[ServiceRow, ...]:
    """Return a row for each service; with a *stack*, for each that it declares, there or not, and each it left over.

    *only*: the name of the stack whose services are shown, empty for those of all.
    """
    addresses = {host.name: host.address for host in inventory.hosts}
    shown = [service for service in cluster.services if not only or service.stack == only]
    declared = {f"{stack.name}_{service.name}": service for service in stack.services} if stack else {}
    rows = {
        service.name: _row(service, cluster, names, addresses, tags, declared.get(service.name)) for service in shown
    }
    if stack is None:
        return tuple(rows[name] for name in sorted(rows))
    missing = {
        name: ServiceRow(name, service.image, 0, service.deploy.replicas, {}, (), "not there")
        for name, service in declared.items()
        if name not in rows
    }
    everything = rows | missing
    return tuple(everything[name] for name in [*declared, *sorted(set(rows) - set(declared))])


def _row(
    service: ServiceState,
    cluster: ClusterState,
    names: Mapping[str, str],
    addresses: Mapping[str, str],
    tags: Mapping[str, str],
    declared: Service | None,
) -> ServiceRow:
    # A job keeps the tasks of earlier iterations, which have completed too.
    every = [task for task in cluster.tasks_of(service.id) if task.iteration == service.iteration]
    tasks = [task for task in every if task.desired_state in ("running", "ready", "complete")]
    aim = "complete" if service.is_job else "running"
    running = [task for task in tasks if task.state == aim and task.desired_state == aim]
    hosts = Counter(_host(task, cluster, names) for task in running)
    wanted = _wanted(service, every, declared)
    image = str(service.spec.get("TaskTemplate", {}).get("ContainerSpec", {}).get("Image", ""))
    state, why = _state(service, len(running), wanted, every)
    working = sum(task.state == "running" for task in tasks) if service.is_job else None
    return ServiceRow(
        name=service.name,
        image=_image(image, tags),
        running=len(running),
        declared=wanted,
        placement=dict(sorted(hosts.items())),
        addresses=_published(service, hosts, addresses),
        state=state,
        why=why,
        working=working,
        at_once=_at_once(service, wanted - len(running)),
    )


def _at_once(job: ServiceState, left: int) -> int:
    """Return how many tasks of a job may run side by side; a global one has no number for it, but those *left*."""
    replicated = (job.spec.get("Mode") or {}).get("ReplicatedJob")
    return left if replicated is None else int(replicated.get("MaxConcurrent", 1))


def _host(task: TaskState, cluster: ClusterState, names: Mapping[str, str]) -> str:
    node = cluster.node(task.node_id)
    return names.get(task.node_id) or (node.hostname if node else task.node_id[:12])


def _wanted(service: ServiceState, tasks: Sequence[TaskState], declared: Service | None) -> int:
    """A global service has no number of its own: as many as the managers made it nodes to run on."""
    mode = service.spec.get("Mode") or {}
    replicas = (mode.get("Replicated") or {}).get("Replicas")
    if declared and declared.deploy.mode == "replicated":
        return declared.deploy.replicas
    if "ReplicatedJob" in mode:
        return int((mode["ReplicatedJob"] or {}).get("TotalCompletions", 1))
    if service.is_job:
        return sum(task.desired_state == "complete" for task in tasks)
    return int(replicas) if replicas is not None else len(nodes_of_global(tasks, service.spec["TaskTemplate"]))


def _image(image: str, tags: Mapping[str, str]) -> str:
    if image in tags:
        return tags[image]
    if image.startswith("sha256:"):
        return image[: len("sha256:") + 12]
    return image.partition("@")[0]


def _published(service: ServiceState, hosts: Mapping[str, int], addresses: Mapping[str, str]) -> tuple[str, ...]:
    """An ingress port is published by every host, a host port by those that run a task."""
    found: list[str] = []
    for port in service.spec.get("EndpointSpec", {}).get("Ports", ()):
        number, protocol = port.get("PublishedPort"), port.get("Protocol", "tcp")
        suffix = "" if protocol == "tcp" else f"/{protocol}"
        for host, address in addresses.items():
            if number and (port.get("PublishMode", "ingress") == "ingress" or host in hosts):
                found.append(f"[{address}]:{number}{suffix}" if ":" in address else f"{address}:{number}{suffix}")
    return tuple(found)


def _state(service: ServiceState, running: int, wanted: int, tasks: Sequence[TaskState]) -> tuple[str, str]:
    """Return the state in a word or two, and the engine's own words for what is wrong."""
    if service.update_state == "rollback_completed" and running == wanted:
        return "running", f"its last update was taken back: {service.update_message}"
    if service.update_state in _STUCK_UPDATES:
        return f"update {service.update_state.replace('_', ' ')}", service.update_message
    if service.update_state == "updating":
        return "updating", ""
    if running == wanted:
        return ("completed" if service.is_job else "running") if wanted else "none wanted", ""
    if running > wanted:
        return "more than declared", ""
    if error := _last_error(service, tasks):
        return "failing", error
    is_working = service.is_job and any(task.state == "running" for task in tasks)
    return "running" if is_working else "starting", ""


def _last_error(service: ServiceState, tasks: Sequence[TaskState]) -> str:
    """Return why a task of the present spec ended or waits in vain: the newest reason; the task after it may be on
    its way already."""
    of_now = [task for task in tasks if task.is_made_from(service.spec["TaskTemplate"])]
    for task in sorted(of_now, key=lambda task: task.created_at, reverse=True):
        if task.error:
            return task.error
        if task.state == "complete" and not service.is_job:
            return "its program ended with exit code 0"
    return ""
