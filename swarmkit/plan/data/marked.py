"""Which volumes a backup takes, and where each of them is; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from swarmkit.declared.stack.service import Stack, Volume
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed, ServiceState
from swarmkit.plan.data.holding import holder_of


@dataclass(frozen=True)
class MarkedVolume:
    """A volume that the stack marks for backup, found on its host."""

    name: str
    host: str
    service: str
    dump: tuple[str, ...]
    """Command in the service's container; empty: its files are copied while the service stands."""
    restore: tuple[str, ...]
    dependents: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"volume.{self.name}"


@dataclass(frozen=True)
class Marked:
    volumes: tuple[MarkedVolume, ...]
    refusals: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def marked_volumes(stack: Stack | None, observed: Observed, later: frozenset[str] = frozenset()) -> Marked:
    """Return the volumes that *stack* marks, each on the host where its service runs; not those of services *later*."""
    if stack is None:
        what = "no stack file is given: no volume is in the backup"
        warning = Finding("H58", "warning", "volumes", what, "", "give it with -f")
        return Marked((), (), (warning,))
    found: list[MarkedVolume] = []
    refusals: list[Finding] = []
    for volume in stack.volumes:
        if volume.backup is None or _owner(stack, volume) in later:
            continue
        place = _place(stack, volume, observed)
        if isinstance(place, Finding):
            refusals.append(place)
        else:
            found.append(_marked(stack, volume, place))
    return Marked(tuple(found), tuple(refusals), tuple(_unmarked(stack)))


def _marked(stack: Stack, volume: Volume, host: str) -> MarkedVolume:
    backup = volume.backup
    assert backup is not None  # noqa: S101 - the caller's choice
    dependents = tuple(f"{stack.name}_{service.name}" for service in stack.dependents(stack.owner(volume).name))
    return MarkedVolume(volume.name, host, _owner(stack, volume), backup.dump, backup.restore, dependents)


def _owner(stack: Stack, volume: Volume) -> str:
    """Return the service that *volume* belongs to, as the swarm names it."""
    return f"{stack.name}_{stack.owner(volume).name}"


def _place(stack: Stack, volume: Volume, observed: Observed) -> str | Finding:
    """Return the host where the volume's only writer runs, or why it cannot be backed up."""
    name = _owner(stack, volume)
    cluster = observed.cluster
    service = cluster.service(name) if cluster else None
    every = cluster.tasks_of(service.id) if cluster and service else ()
    # The last state of a task on a node that is down stays running; it shall not be there any more.
    tasks = [task for task in every if task.state == task.desired_state == "running"]
    hosts = {facts.engine.node_id: host for host, facts in observed.hosts.items()}
    if service and holder_of(service.labels) == "backup":
        what = f"service {name} stands still since a backup that was cut off"
        return Finding(
            "H58", "error", volume.name, what, "", "let it run again: swarmkit up, or the next swarmkit backup"
        )
    if len(tasks) != 1 or tasks[0].node_id not in hosts:
        what = f"service {name} has {len(tasks)} running tasks, its volume {volume.name} needs one for the backup"
        return Finding("H58", "error", volume.name, what, "", "bring it up first: swarmkit up; or remove its mark")
    backup = volume.backup
    if backup and not backup.dump and service and not _has_replicas(service):
        what = f"service {name} cannot be stopped for the copy: it has a task on every node"
        return Finding("H58", "error", volume.name, what, "", "give dump and restore commands")
    return hosts[tasks[0].node_id]


def _has_replicas(service: ServiceState) -> bool:
    return "Replicated" in (service.spec.get("Mode") or {})


def _unmarked(stack: Stack) -> Iterator[Finding]:
    names = [volume.name for volume in stack.volumes if volume.backup is None and stack.services_on(volume)]
    if names:
        yield Finding(
            "H58", "warning", "volumes", f"not in the backup: {', '.join(names)}",
            "the stack file does not mark them", "mark them with x-swarmkit: {backup: ...}",
        )  # fmt: skip
