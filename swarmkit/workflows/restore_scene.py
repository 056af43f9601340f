"""What a restore is planned from: the archive's word, the hosts', and what an operator has agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from swarmkit.declared.stack.image_archive import ImageArchive
from swarmkit.observed.manager_port import answering_managers
from swarmkit.observed.placed_state import placed_backup
from swarmkit.observed.raft import possible_managers, possible_members, read_members
from swarmkit.plan.restore.model import BackedUpManager, BackedUpVolume, Backup, Scene
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.archive_writer import STATE
from swarmkit.recovery.locked_state import unlocked_state
from swarmkit.recovery.manifest import Manifest
from swarmkit.workflows.backed_up_data import volume_data


@dataclass(frozen=True)
class Agreed:
    """What an operator says beside the backup and the inventory."""

    lost: frozenset[str] = frozenset()
    """Managers that are off for good."""
    init_empty: frozenset[str] = frozenset()
    """Volumes that may start empty."""
    new_addresses: bool = False
    """Whether every node may leave and join under another address."""
    archives: Mapping[str, ImageArchive] = field(default_factory=dict)
    """Images for the hosts that lack them."""
    overridden: frozenset[str] = frozenset()
    """Codes of refusals that become warnings."""


def backup_of(content: Archive) -> Backup:
    """Return what the archive says, its state without the lock."""
    manifest, state = content.manifest, content.small[STATE]
    data = volume_data(content)
    return Backup(
        manifest.cluster,
        manifest.cluster_id,
        manifest.host,
        manifest.advertise_addr,
        manifest.engine_version,
        manifest.made_at,
        unlocked_state(state, content.unlock_key) if manifest.autolock else state,
        manifest.autolock,
        frozenset(node.id for node in manifest.nodes),
        {node.name: node.labels for node in manifest.nodes},
        frozenset(manifest.services),
        tuple(BackedUpVolume(volume.host, data[volume.name]) for volume in manifest.volumes),
        _managers(manifest),
        manifest.ca_rotations,
    )


def _managers(manifest: Manifest) -> tuple[BackedUpManager, ...]:
    """Return the backup's managers where they were; the one that it is of has told what it advertises."""
    found = (
        BackedUpManager(node.name, manifest.advertise_addr if node.id == manifest.node_id else node.address)
        for node in manifest.nodes
        if node.role == "manager"
    )
    return tuple(dict.fromkeys(found))


def _listening(target: ReachedHost | None, scene: Scene) -> Mapping[str, str]:
    """Return where managers of then answer; once the swarm goes on they have joined it again, or are fenced."""
    if target is None or scene.is_forced:
        return {}
    old = [manager.address for manager in scene.old_managers() if manager.can_be_asked]
    return answering_managers(target, old)


def look(fleet: Fleet, scene: Scene, agreed: Agreed) -> Scene:
    """Return *scene* with what else has to be known of the hosts, and what was agreed to."""
    target = fleet.get(scene.backup.host)
    members = read_members(fleet, possible_members(scene.observed))
    managers = [name for name in possible_managers(scene.observed) if members[name].is_manager]
    return replace(
        scene,
        raft={name: members[name] for name in managers},
        clusters={name: facts.cluster_id for name, facts in members.items()},
        listening=_listening(target, scene),
        placed=placed_backup(target) if target else "",
        running=_running_services(fleet),
        lost=agreed.lost,
        init_empty=agreed.init_empty,
        new_addresses=agreed.new_addresses,
        archives=agreed.archives,
        overridden=agreed.overridden,
    )


def _running_services(fleet: Fleet) -> frozenset[str]:
    """Return the services that have a running container on a host: with no manager left, nobody else tells."""
    label = "com.docker.swarm.service.name"
    wanted = {"label": [label], "status": ["running"]}
    found: set[str] = set()
    for answer in fan_out(fleet, lambda name: fleet[name].engine.find("containers", wanted)).values():
        if isinstance(answer, Exception):
            raise answer
        found |= {str(container["Labels"][label]) for container in answer}
    return frozenset(found)
