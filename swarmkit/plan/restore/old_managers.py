"""The backup's managers that are not among the hosts that answer: whether one may live; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.plan.restore.model import BackedUpManager, Scene


def old_manager_refusals(scene: Scene) -> Iterator[Finding]:
    """Yield the managers of the backup that live, or may: not in the inventory, a worker by it, at an old address."""
    already_told = {host.name for host in scene.inventory.managers}
    for manager in scene.old_managers():
        if is_alive(manager, scene):
            cluster = scene.listening[manager.address]
            whose = f" for cluster {cluster}" if cluster else ""
            yield Finding(
                "H54", "error", manager.name, "was a manager of the backup, and one lives where it was",
                f"{manager.address}:2377 answers{whose}, asked from {scene.backup.host}",
                f"turn off the machine that has {manager.address}, or run docker swarm leave --force on it",
            )  # fmt: skip
        elif manager.name in _silent(scene) - scene.lost - already_told:
            known = scene.silent.get(manager.name, "the inventory does not have it")
            yield Finding(
                "H54", "error", manager.name, "was a manager of the backup, and may be one that lives",
                f"{known}; {_asked(manager, scene)}",
                f"put it into the inventory; if it is off for good: --lost {manager.name}",
            )  # fmt: skip


def old_manager_warnings(scene: Scene) -> Iterator[Finding]:
    """Yield who may come back with the old state: those that are off at the operator's word."""
    gone = [manager for manager in scene.old_managers() if manager.name in _silent(scene)]
    if gone:
        yield Finding(
            "H54", "warning", ", ".join(manager.name for manager in gone),
            "may come back with the old raft and make a second swarm",
            "; ".join(_asked(manager, scene) for manager in gone),
            "keep it off; one that is back leaves by swarmkit recover quorum, or by docker swarm leave --force there",
        )  # fmt: skip


def is_alive(manager: BackedUpManager, scene: Scene) -> bool:
    """Whether a manager answers at the address of then, unless it shows that it is another swarm's."""
    return scene.listening.get(manager.address) in ("", scene.backup.cluster_id)


def _silent(scene: Scene) -> set[str]:
    """Return the old managers whose names no host has that answers: one that does is asked about itself."""
    return {manager.name for manager in scene.old_managers()} - scene.observed.hosts.keys() - {scene.backup.host}


def _asked(manager: BackedUpManager, scene: Scene) -> str:
    if not manager.can_be_asked:
        return f"the backup has no address of {manager.name}"
    if cluster := scene.listening.get(manager.address):
        return f"{manager.address}:2377 answers for another cluster, {cluster}"
    return f"{manager.address}:2377 does not answer, asked from {scene.backup.host}"
