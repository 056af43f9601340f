"""`backup`: a swarm's state, its marked volumes and its images into one encrypted file."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from swarmkit.converge.wait import wakeups
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.data.left_standing import left_standing
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Progress, telling
from swarmkit.plan.states.backup_plans import backup_plan
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.reach.retry import wait_until
from swarmkit.recovery.archive import read
from swarmkit.recovery.archive_writer import SUFFIX, writing
from swarmkit.recovery.backup_folder import check_folder, little_room
from swarmkit.recovery.kept_backups import remove_old, remove_parts
from swarmkit.recovery.keys import Opener, Sealer, readable_once
from swarmkit.recovery.manifest import Manifest
from swarmkit.workflows.backup_content import Archiver, Seen, finish
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError, whole
from swarmkit.workflows.waiting import Waiter, taken_back

SEEN_SECONDS = 60.0
"""How long the swarm has to see a manager again whose engine answers: a backup that was killed has just started it."""


@dataclass(frozen=True)
class BackupReport:
    path: Path
    bytes: int
    manifest: Manifest
    removed: tuple[Path, ...]
    """What backups of the cluster that were cut off had left, and older backups beyond those to keep."""


def backup(
    declared: Declared,
    terms: Terms,
    *,
    enclosed: Mapping[str, bytes],
    folder: Path,
    sealer: Sealer,
    keep: int | None,
    with_images: bool,
) -> BackupReport | None:
    """Write a backup of the swarm into *folder*, with *enclosed* files beside its state; None when nobody agreed.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError; then no file is left.
    """
    check_folder(folder)
    progress = terms.progress
    inventory, archiver = declared.inventory, Archiver(datetime.datetime.now(tz=datetime.UTC))
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(
            reach(inventory, sudo_password=terms.sudo_password, on_waiting=telling(progress))
        )
        look = functools.partial(_look, declared, fleet, archiver, folder, with_images=with_images)
        progress.phase("observe")
        seen = look()
        if not terms.confirm(seen.plan):
            return None
        writer = resources.enter_context(one_writer(fleet, seen.observed, progress, "backup", terms.lock_wait_seconds))
        if writer.met_another:
            seen = look()
            if not terms.confirm(seen.plan):
                return None
        progress.phase("apply")
        parts = remove_parts(folder, inventory.cluster)
        woken = resources.enter_context(wakeups(fleet))
        waiter = Waiter(fleet, woken, progress, terms.service_timeout_seconds, taken_back(seen.plan, seen.observed))
        context = Context(fleet, progress, seen.cluster.told_by, waiter.wait_for, guard=writer.guard)
        if left_standing(seen.cluster):
            whole(apply(seen.plan, context))
            progress.phase("observe again")
            seen = look(may_let_go=False)
            if not terms.confirm(seen.plan):
                return None
            progress.phase("apply")
        path = folder / f"{inventory.cluster}-{archiver.now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        sealer, opener = readable_once(sealer)
        with writing(path, sealer, lambda written: _read_back(written, opener, progress)) as archiver.writer:
            whole(apply(seen.plan, context))
            progress.phase("write")
            manifest = finish(declared, seen, archiver, enclosed, lock=writer.lock.holder.token)
    removed = (*parts, *remove_old(path, inventory.cluster, keep))
    return BackupReport(path, path.stat().st_size, manifest, removed)


def _read_back(written: Path, opener: Opener, progress: Progress) -> None:
    """Read what was *written* as a restore will, before anything older is removed for it."""
    progress.phase("read back")
    try:
        read(written, opener)
    except InputError as error:
        raise SwarmkitError(
            "the backup was written, and cannot be read back", error.what, "no file of it is left, older ones stay"
        ) from error


def all_managers_seen(observed: Observed) -> bool:
    """Tell whether the swarm sees every manager whose engine answers; one that was started just now it does not."""
    if observed.cluster is None:
        return True
    ids = {facts.engine.node_id for facts in observed.hosts.values()} - {""}
    names = {facts.system.hostname for facts in observed.hosts.values() if not facts.engine.node_id}
    answering = [node for node in observed.cluster.nodes if node.id in ids or node.hostname in names]
    return all(node.reachability in ("", "reachable") for node in answering)


def _look(
    declared: Declared,
    fleet: Fleet,
    archiver: Archiver,
    folder: Path,
    *,
    with_images: bool,
    may_let_go: bool = True,
) -> Seen:
    observed = wait_until(
        lambda: observe(fleet, kernel="never"), all_managers_seen, timeout_seconds=SEEN_SECONDS, interval_seconds=1.0
    )
    plan = backup_plan(
        declared.inventory,
        declared.stack,
        observed,
        archiver.taking,
        with_images=with_images,
        may_let_go=may_let_go,
    )
    if plan.refusals or observed.cluster is None:
        raise RefusedError(plan)
    plan = replace(plan, warnings=(*plan.warnings, *little_room(folder, declared.inventory.cluster)))
    return Seen(plan, observed, observed.cluster)
