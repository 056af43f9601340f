"""Planning a backup: the marked volumes, the images, and the state of the manager that is missed least; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, HostFacts, Observed
from swarmkit.plan.data.left_standing import left_standing, letting_go, standing_refusals
from swarmkit.plan.data.marked import MarkedVolume, marked_volumes
from swarmkit.plan.data.taking import Adding, CopyVolume, DumpVolume, SaveImage, TakenVolume
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.departures import moving_warnings, volumes_of
from swarmkit.plan.nodes.quorum import quorum_of
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.spec import IMAGE_LABEL
from swarmkit.plan.states.operations import TakenState
from swarmkit.plan.states.stopped_manager import take_state


@dataclass(frozen=True)
class Taking:
    """Where a backup's operations put what they take."""

    adding: Adding
    """Opens a file of the archive."""
    state: Callable[[TakenState], None]
    volume: Callable[[TakenVolume], None]


def backup_plan(
    inventory: Inventory,
    stack: Stack | None,
    observed: Observed,
    taking: Taking,
    *,
    with_images: bool = False,
    may_let_go: bool = False,
) -> Plan:
    """Return the plan that takes the marked volumes, the images, and the state of the manager that is missed least.

    One after the other: the archive is one stream, and no engine is stopped while a dump comes from its host. Where a
    backup that was cut off left services standing and this one *may_let_go* of them, the plan does that alone: what is
    where is known when they run.
    """
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=True) if finding.code in ("H49", "H54")]
    cluster = observed.cluster
    if cluster is None and not refusals:
        refusals = [Finding("H54", "error", "swarm", "no host of the inventory is a manager of a swarm")]
    if refusals or cluster is None:
        return Plan((), tuple(refusals))
    quorum = quorum_of(cluster.nodes)
    if quorum.reachable < quorum.managers and quorum.reachable - 1 < quorum.needed:
        why = f"{quorum}: none may be stopped for the copy"
        refusals.append(Finding("H54", "error", "swarm", why, "", "bring the other managers back first"))
    standing = left_standing(cluster) if may_let_go else ()
    marked = marked_volumes(stack, observed, later=frozenset(service.name for service in standing))
    refusals += [*standing_refusals(cluster), *marked.refusals]
    images = dict(_images(cluster, observed)) if with_images else {}
    refusals += [
        Finding("B30", "error", reference, "no host has this image, so it cannot be in the backup")
        for reference, host in images.items() if not host
    ]  # fmt: skip
    if refusals:
        return Plan((), tuple(refusals))
    if standing:
        return Plan(tuple(letting_go(standing)), (), marked.warnings)
    operations: list[Operation] = []
    for volume in marked.volumes:
        operations.append(_take_volume(volume, _last(operations), taking))
    for number, (reference, host) in enumerate(images.items(), 1):
        step = Step(f"backup:image:{reference}", "image", "update", host, f"save {reference}", "", _last(operations))
        operations.append(SaveImage(step, reference, image_file(number), taking.adding))
    stops = take_state(inventory, observed, cluster, _last(operations), taking.state)
    operations.append(stops)
    host = stops.step.target
    stopped = cluster.node(observed.hosts[host].engine.node_id)
    moving = moving_warnings(cluster, stopped, host) if stopped else ()
    warnings = (*marked.warnings, *_in_no_file(cluster), *_volumes_in_no_file(stack, cluster), *moving)
    return Plan(tuple(operations), (), warnings)


def _in_no_file(cluster: ClusterState) -> Iterator[Finding]:
    """Yield a warning that names the services whose specs are in no stack file of the backup."""
    if names := sorted(service.name for service in cluster.services if not service.stack):
        yield Finding(
            "H58", "warning", "services", f"in no stack file of the backup: {', '.join(names)}",
            "they belong to no stack: a restore of the swarm's state brings them back, a rebuild does not",
            "declare them in a stack file",
        )  # fmt: skip


def _volumes_in_no_file(stack: Stack | None, cluster: ClusterState) -> Iterator[Finding]:
    """Yield a warning that names the volumes which services use and the given stack file does not have."""
    given = {volume.name for volume in stack.volumes} if stack else set()
    users: dict[str, set[str]] = {}
    for service in cluster.services if stack else ():
        for name in volumes_of(service):
            users.setdefault(name, set()).add(service.name)
    if others := [f"{name} (of {', '.join(sorted(users[name]))})" for name in sorted(users.keys() - given)]:
        yield Finding(
            "H58", "warning", "volumes", f"not in the backup: {', '.join(others)}",
            "the given stack file does not have them",
            "give the file that has them: swarmkit backup -f FILE, with x-swarmkit: {backup: ...} at the volume",
        )  # fmt: skip


def image_file(number: int) -> str:
    return f"image.{number}"


def _last(operations: list[Operation]) -> frozenset[str]:
    return frozenset(operation.step.key for operation in operations[-1:])


def _take_volume(volume: MarkedVolume, after: frozenset[str], taking: Taking) -> Operation:
    key = f"backup:{volume.file}"
    if volume.dump:
        step = Step(key, "volume", "update", volume.name, f"dump it on {volume.host} by {volume.dump[0]}",
                    f"{volume.service} goes on meanwhile", after)  # fmt: skip
        return DumpVolume(step, volume, taking.adding, taking.volume)
    step = Step(key, "volume", "update", volume.name, f"copy its files on {volume.host}",
                f"{volume.service} is stopped for the copy", after)  # fmt: skip
    return CopyVolume(step, volume, taking.adding, taking.volume)


def _images(cluster: ClusterState, observed: Observed) -> Iterator[tuple[str, str]]:
    """Yield each image the services run, by its tag where it has one, with a host that has it."""
    for service in cluster.services:
        written = str(service.spec["TaskTemplate"]["ContainerSpec"]["Image"])
        reference = service.labels.get(IMAGE_LABEL) or written
        yield reference, next((host for host, facts in observed.hosts.items() if _has(facts, reference)), "")


def _has(facts: HostFacts, reference: str) -> bool:
    return reference in facts.engine.images or any(reference in tags for tags in facts.engine.images.values())
