"""Planning how data goes back into the lost volumes of a restored swarm, before anybody uses it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.observed.model import Node, ServiceState
from swarmkit.plan.data.holding import HELD_LABEL, HoldService, ReleaseService
from swarmkit.plan.data.planning import is_in, is_noted, load, make_volume
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.restore.model import BackedUpVolume, Scene
from swarmkit.plan.stacks.names import has_image
from swarmkit.plan.stacks.operations import AwaitService, SendImage
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.spec import IMAGE_LABEL


def hold_dependents(scene: Scene, after: frozenset[str]) -> Iterator[HoldService]:
    """Yield how the services stand still that would use a database which is empty until its dump is in."""
    for name in sorted(_dependents(scene)):
        service = scene.observed.cluster.service(name) if scene.observed.cluster else None
        if service is None or HELD_LABEL not in service.labels:
            reason = "until the data is back that it depends on"
            yield HoldService(Step(f"hold:{name}", "service", "update", name, "let it stand", reason, after), name)


def data_operations(scene: Scene, nodes: frozenset[str]) -> Iterator[Operation]:
    """Yield what is left after the nodes are there, which *nodes* are the keys of: images, the data, who was held."""
    cluster = scene.observed.cluster
    if cluster is None:
        return
    first: list[Operation] = [*hold_dependents(scene, frozenset()), *_images(scene, cluster.services)]
    yield from first
    before = nodes | {operation.step.key for operation in first}
    keys = set[str]()
    for volume in scene.missing():
        if is_in(volume.data, scene.observed, [volume.host]):
            continue
        for operation in _put(scene, volume, before):
            keys.add(operation.step.key)
            yield operation
    for service in cluster.services:
        if HELD_LABEL in service.labels:
            step = Step(f"release:{service.name}", "service", "update", service.name, "let it run again", "",
                        frozenset(keys))  # fmt: skip
            yield ReleaseService(step, service.name)


def _put(scene: Scene, volume: BackedUpVolume, before: frozenset[str]) -> Iterator[Operation]:
    data = volume.data
    after = before
    if scene.is_absent(volume):
        make = make_volume(data, volume.host, frozenset(), was_in=is_noted(data, scene.observed))
        yield make
        after |= {make.step.key}
    if data.restore:
        wait = Step(f"wait:{data.service}", "service", "wait", data.service, f"wait until {data.service} runs", "",
                    after)  # fmt: skip
        yield AwaitService(wait, data.service)
        after = frozenset({wait.key})
    yield load(data, volume.host, after)


def _loading(scene: Scene) -> list[BackedUpVolume]:
    return [one for one in scene.missing() if one.data.restore and not is_in(one.data, scene.observed, [one.host])]


def _dependents(scene: Scene) -> set[str]:
    names = {name for volume in _loading(scene) for name in volume.data.dependents}
    return names & scene.backup.services


def _images(scene: Scene, services: tuple[ServiceState, ...]) -> Iterator[SendImage]:
    """Yield the transfers of what the services run, to the hosts that may run them and lack it."""
    wanted = {(name, archive.image_id): archive for name, archive in _lacking(scene, services)}
    for (name, image_id), archive in wanted.items():
        by_tag = scene.observed.hosts[name].engine.content_store
        size = f"{archive.size_bytes / 1e6:.0f} MB; it lacks it"
        step = Step(f"image:{name}:{image_id}", "image", "create", name, f"send {archive.tags[0]}", size)
        yield SendImage(step, name, archive, by_tag)


def _lacking(scene: Scene, services: tuple[ServiceState, ...]) -> Iterator[tuple[str, ImageArchive]]:
    for service in services:
        archive = _archive(service, scene.archives)
        if archive is None:
            continue
        image = str(service.spec["TaskTemplate"]["ContainerSpec"]["Image"])
        for host in scene.answering():
            lacks = not has_image(host, image, scene.observed)
            if lacks and node_may_run(service.spec, _future_node(scene, host.name)):
                yield host.name, archive


def _archive(service: ServiceState, archives: Mapping[str, ImageArchive]) -> ImageArchive | None:
    image = str(service.spec["TaskTemplate"]["ContainerSpec"]["Image"])
    named = archives.get(service.labels.get(IMAGE_LABEL) or image)
    return named or next((archive for archive in archives.values() if archive.image_id == image), None)


def _future_node(scene: Scene, name: str) -> Node:
    """Return the node that a host is as soon as all is as declared."""
    host = next(host for host in scene.answering() if host.name == name)
    facts = scene.observed.hosts[name]
    return Node(facts.engine.node_id, 0, facts.system.hostname, host.role, host.availability,
                scene.labels(host), "ready", "")  # fmt: skip
