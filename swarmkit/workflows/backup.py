"""`backup` and `restore`: a swarm's state into one encrypted file, and back onto its manager's host."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from swarmkit.converge.wait import wakeups
from swarmkit.declared.host import Inventory
from swarmkit.errors import InputError
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import read_raft
from swarmkit.plan.apply import apply
from swarmkit.plan.backup_plans import Backup, backup_plan, restore_plan
from swarmkit.plan.context import Context
from swarmkit.plan.model import Plan
from swarmkit.plan.planner import Declared
from swarmkit.plan.progress import Progress
from swarmkit.plan.state_operations import TakenState
from swarmkit.reach.fleet import Fleet, reach, reach_some
from swarmkit.recovery import archive
from swarmkit.recovery.archive import STATE, SUFFIX, UNLOCK_KEY, Archive, Manifest
from swarmkit.recovery.keys import Sealer
from swarmkit.secret import Secret
from swarmkit.verify.prove import prove
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.recover import SERVICE_TIMEOUT_SECONDS, RecoveryReport
from swarmkit.workflows.up import PROOF_PATIENCE_SECONDS, IncompleteError, RefusedError, Waiter, apply_rounds

_NAME = re.compile(rf"(?P<cluster>.+)-(?P<time>\d{{8}}T\d{{6}}Z){re.escape(SUFFIX)}")


@dataclass(frozen=True)
class BackupReport:
    path: Path
    bytes: int
    stopped_seconds: float
    removed: tuple[Path, ...]
    """Older backups of the cluster, beyond those to keep."""


def backup(
    inventory: Inventory,
    *,
    enclosed: Mapping[str, bytes],
    folder: Path,
    sealer: Sealer,
    keep: int | None,
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    lock_wait_seconds: float = 0.0,
) -> BackupReport | None:
    """Write a backup of the swarm into *folder*, with *enclosed* files beside its state; None when declined.

    What was written is opened only by who has the key, so it is read back by its size alone. Raises RefusedError,
    LockedError, IncompleteError or NotConvergedError; then no file is written.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder} for the backup", to_do=f"make it: mkdir -m 700 {folder}")
    taken: list[TakenState] = []
    progress.phase("connect")
    with ExitStack() as resources:
        fleet = resources.enter_context(reach(inventory, sudo_password=sudo_password))
        progress.phase("observe")
        plan, observed = _look(inventory, fleet, taken)
        if not confirm(plan):
            return None
        writer = resources.enter_context(one_writer(fleet, observed, progress, "backup", lock_wait_seconds))
        if writer.met_another:
            plan, observed = _look(inventory, fleet, taken)
            if not confirm(plan):
                return None
        progress.phase("apply")
        host = plan.operations[0].step.target
        applied = apply(plan, Context(fleet, progress, host, guard=writer.guard))
        if applied.failed:
            raise IncompleteError(applied)
        progress.phase("write")
        now = datetime.datetime.now(tz=datetime.UTC)
        whole = _archive(inventory, observed, host, taken[0], enclosed, now)
        path = folder / f"{inventory.cluster}-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
        size = archive.write(path, whole, sealer)
        if path.stat().st_size != size:
            raise InputError(f"the backup {path} was not written whole", to_do="see that its disk is not full")
        return BackupReport(path, size, taken[0].stopped_seconds, _remove_old(folder, inventory.cluster, keep))


def _look(inventory: Inventory, fleet: Fleet, taken: list[TakenState]) -> tuple[Plan, Observed]:
    observed = observe(fleet, kernel="never")
    plan = backup_plan(inventory, observed, taken.append)
    if plan.refusals:
        raise RefusedError(plan)
    return plan, observed


def _archive(
    inventory: Inventory,
    observed: Observed,
    host: str,
    taken: TakenState,
    enclosed: Mapping[str, bytes],
    now: datetime.datetime,
) -> Archive:
    cluster, engine = observed.cluster, observed.hosts[host].engine
    assert cluster is not None  # noqa: S101 - the plan is refused without one
    files = {STATE: taken.archive, **enclosed}
    if taken.unlock_key.text():
        files[UNLOCK_KEY] = taken.unlock_key.reveal()
    manifest = Manifest(
        made_at=now.isoformat(timespec="seconds"),
        cluster=inventory.cluster,
        cluster_id=cluster.id,
        host=host,
        node_id=engine.node_id,
        advertise_addr=engine.node_addr,
        engine_version=engine.version,
        autolock=UNLOCK_KEY in files,
        nodes=tuple(node.hostname for node in cluster.nodes),
        services=tuple(service.name for service in cluster.services),
        files=archive.entries(files),
    )
    return Archive(manifest, files)


def backups_in(folder: Path, cluster: str | None = None) -> list[Path]:
    """Return the backups in *folder*, of *cluster* or of all, the newest first."""
    found = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    named = [(match["time"], path) for match, path in found if match and cluster in (None, match["cluster"])]
    return [path for _, path in sorted(named, reverse=True)]


def _remove_old(folder: Path, cluster: str, keep: int | None) -> tuple[Path, ...]:
    old = backups_in(folder, cluster)[keep:] if keep else []
    for path in old:
        path.unlink()
    return tuple(old)


def restore(
    inventory: Inventory,
    content: Archive,
    *,
    lost: Collection[str],
    progress: Progress,
    confirm: Callable[[Plan], bool],
    sudo_password: Secret | None = None,
    lock_wait_seconds: float = 0.0,
) -> RecoveryReport | None:
    """Let the backup's manager go on from it and the others join it again; None when *confirm* declined.

    Raises RefusedError, LockedError, IncompleteError or NotConvergedError.
    """
    manifest = content.manifest
    wanted = Backup(
        manifest.cluster,
        manifest.cluster_id,
        manifest.host,
        manifest.advertise_addr,
        manifest.engine_version,
        manifest.made_at,
        content.files[STATE],
        Secret(content.files.get(UNLOCK_KEY, b"")),
    )
    progress.phase("connect")
    with ExitStack() as resources:
        fleet, silent = resources.enter_context(reach_some(inventory, sudo_password=sudo_password))
        progress.phase("observe")
        observed = observe(fleet, kernel="never")
        managers = [name for name, facts in observed.hosts.items() if facts.engine.is_manager]
        aside = f"swarm.before-restore-{datetime.datetime.now(tz=datetime.UTC):%Y%m%dT%H%M%SZ}"
        plan = restore_plan(inventory, wanted, observed, read_raft(fleet, managers), silent, lost=lost, aside=aside)
        if plan.refusals:
            raise RefusedError(plan)
        if not confirm(plan):
            return None
        name = manifest.host
        answering = sorted((fleet[each].host for each in fleet), key=lambda host: host.name != name)
        reached = replace(inventory, hosts=tuple(answering))
        writer = resources.enter_context(
            one_writer({name: fleet[name]}, observed, progress, "restore", lock_wait_seconds)
        )
        waiter = Waiter(fleet, resources.enter_context(wakeups(fleet)), progress, SERVICE_TIMEOUT_SECONDS)
        applied, observed = apply_rounds(plan, Declared(reached), fleet, observed, waiter, writer)
        progress.phase("verify")
        findings = prove(fleet, reached, None, observed, patience_seconds=PROOF_PATIENCE_SECONDS)
        return RecoveryReport(applied, observed, reached, findings)
