"""`restore`: a backup back onto its manager's host; the others join again, and lost volumes get their data."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

from swarmkit.converge.wait import wakeups
from swarmkit.declared.host import Inventory
from swarmkit.declared.image_archive import ImageArchive
from swarmkit.errors import NotConvergedError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.placed_state import placed_backup
from swarmkit.observed.raft import possible_managers, possible_members, read_members
from swarmkit.observed.volumes import with_volumes
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Progress
from swarmkit.plan.restore.after import after_plan
from swarmkit.plan.restore.model import BackedUpVolume, Backup, Scene
from swarmkit.plan.restore.planning import restore_plan
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, reach_some
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.archive_writer import STATE
from swarmkit.recovery.locked_state import unlocked_state
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.backed_up_data import check_cluster, volume_data
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.recover import SERVICE_TIMEOUT_SECONDS, RecoveryReport
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, RefusedError, Waiter, apply_rounds

SETTLE_TIMEOUT_SECONDS = 120.0


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


def restore(
    inventory: Inventory,
    content: Archive,
    agreed: Agreed,
    *,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    lock_wait_seconds: float = 0.0,
) -> RecoveryReport | None:
    """Let the backup's manager go on from it, the others join it again, and lost volumes get their data.

    A run that was cut off is gone on with. Returns None when *confirm* declined. Raises InputError for a backup of
    another cluster before any host is asked; RefusedError, LockedError, IncompleteError or NotConvergedError later.
    """
    check_cluster(content, inventory)
    name = content.manifest.host
    backup = _backup(content)
    progress.phase("connect")
    with ExitStack() as resources:
        fleet, silent = resources.enter_context(reach_some(inventory, sudo_password=sudo_password))
        progress.phase("observe")
        observed = with_volumes(fleet, observe(fleet, kernel="never"))

        def plan_for(observed: Observed) -> Plan:
            scene = _look(fleet, Scene(inventory, backup, observed, {}, silent), agreed)
            aside = f"swarm.before-restore-{datetime.datetime.now(tz=datetime.UTC):%Y%m%dT%H%M%SZ}"
            return after_plan(scene) if scene.is_forced else restore_plan(scene, aside)

        plan = plan_for(observed)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return None
        answering = sorted((fleet[each].host for each in fleet), key=lambda host: host.name != name)
        reached = replace(inventory, hosts=tuple(answering))
        writer = resources.enter_context(
            one_writer({name: fleet[name]}, observed, progress, "restore", lock_wait_seconds)
        )
        waiter = Waiter(fleet, resources.enter_context(wakeups(fleet)), progress, SERVICE_TIMEOUT_SECONDS)
        declared = Declared(reached, data=DeclaredData())
        applied, observed = apply_rounds(plan, declared, fleet, observed, waiter, writer, replan=plan_for)
        progress.phase("converge")
        _settle(replace(waiter, timeout_seconds=SETTLE_TIMEOUT_SECONDS), observed)
        progress.phase("verify")
        findings = prove(fleet, reached, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS).findings
        return RecoveryReport(applied, observed, reached, findings)


def _settle(waiter: Waiter, observed: Observed) -> None:
    """Give the services time to start: the last of them stood still until the data was in."""
    services = observed.cluster.services if observed.cluster else ()
    # A service that cannot run, for lack of its image or host, is told by the proof and does not end the restore.
    with suppress(NotConvergedError):
        waiter.wait_for_services([service.name for service in services], observed)


def _backup(content: Archive) -> Backup:
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
    )


def _look(fleet: Fleet, scene: Scene, agreed: Agreed) -> Scene:
    """Return *scene* with what else has to be known of the hosts, and what was agreed to."""
    target = fleet.get(scene.backup.host)
    members = read_members(fleet, possible_members(scene.observed))
    managers = [name for name in possible_managers(scene.observed) if members[name].is_manager]
    return replace(
        scene,
        raft={name: members[name] for name in managers},
        clusters={name: facts.cluster_id for name, facts in members.items()},
        placed=placed_backup(target) if target else "",
        running=_running_services(fleet),
        lost=agreed.lost,
        init_empty=agreed.init_empty,
        new_addresses=agreed.new_addresses,
        archives=agreed.archives,
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
