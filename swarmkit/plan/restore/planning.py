"""Planning how a backed-up swarm goes on: the state in place, a new cluster forced, and who has to join again; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.plan.data.planning import make_volume
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.joins import INIT, addresses
from swarmkit.plan.nodes.leaving import LeaveSwarm
from swarmkit.plan.restore.data import hold_dependents
from swarmkit.plan.restore.model import Scene
from swarmkit.plan.restore.old_managers import old_manager_warnings
from swarmkit.plan.restore.refusals import member_refusals, restore_refusals
from swarmkit.plan.states.operations import PutState
from swarmkit.plan.states.quorum_recovery import force_new_cluster
from swarmkit.plan.states.recovery_operations import ForceNewCluster, RemoveOldManagers
from swarmkit.plan.warnings import as_warnings
from swarmkit.recovery.moved_state import moved_state

STATE_STEP = f"{INIT}:state"


def restore_plan(scene: Scene, aside: str) -> Plan:
    """Return the plan that lets the backup's manager go on from it; refused while any other manager may be alive.

    Where a restore of the same backup has put the state in place already, the plan goes on from there. *aside* names
    the folder that keeps what was there.
    """
    of_members = list(member_refusals(scene))
    refusals = (*restore_refusals(scene), *(one for one in of_members if one.code not in scene.overridden))
    if refusals:
        return Plan((), refusals)
    operations = list(_first_writes(scene, aside))
    before = frozenset(operation.step.key for operation in operations)
    operations += [_force(scene, before), _remove_old(scene), *hold_dependents(scene, frozenset({INIT}))]
    operations += _leaving(scene)
    return Plan(tuple(operations), (), (*as_warnings(of_members), *_warnings(scene)))


def _first_writes(scene: Scene, aside: str) -> Iterator[Operation]:
    """Yield what precedes the new cluster: volumes first, since the engine starts tasks with the state."""
    backup, keys = scene.backup, set[str]()
    for volume in scene.missing():
        if not scene.is_placed or scene.is_absent(volume):
            operation = make_volume(volume.data, volume.host, frozenset(), key=f"{INIT}:volume:{volume.data.name}")
            keys.add(operation.step.key)
            yield operation
    if not scene.is_placed:
        step = Step(
            STATE_STEP, "swarm", "update", backup.host, "put the backup's state in place",
            f"of {backup.made_at}; what is there is kept as {aside}", frozenset(keys), destructive=True,
        )  # fmt: skip
        yield PutState(step, _state(scene), aside, backup.identity, again=scene.placed == backup.identity)


def _state(scene: Scene) -> bytes:
    backup = scene.backup
    if not scene.has_moved:
        return backup.state
    where = addresses(scene.inventory.host(backup.host), scene.observed)
    return moved_state(backup.state, backup.advertise_addr, where["AdvertiseAddr"], where["DataPathAddr"])


def _force(scene: Scene, after: frozenset[str]) -> ForceNewCluster:
    backup = scene.backup
    host = scene.inventory.host(backup.host)
    forced = force_new_cluster(autolock=backup.autolock, ca_rotations=backup.ca_rotations)
    body = {**addresses(host, scene.observed), **forced}
    if scene.inventory.data_path_port:
        body["DataPathPort"] = scene.inventory.data_path_port
    reason = f"it advertises {body['AdvertiseAddr']}, no more {backup.advertise_addr}" if scene.has_moved else ""
    if scene.is_placed:
        reason = "; ".join(["an earlier restore has put the state in place", *([reason] if reason else [])])
    step = Step(INIT, "swarm", "update", host.name, "go on alone with it: force a new cluster", reason, after,
                destructive=True)  # fmt: skip
    return ForceNewCluster(step, body, backup.cluster_id, backup.identity)


def _remove_old(scene: Scene) -> RemoveOldManagers:
    step = Step(
        "recover:old-managers", "node", "remove", scene.backup.host,
        "remove the entries of the managers that are no members any more", "they join again", frozenset({INIT}),
        destructive=True,
    )  # fmt: skip
    return RemoveOldManagers(step)


def _leaving(scene: Scene) -> Iterator[LeaveSwarm]:
    """Yield how workers leave that will not find the manager, or that it does not know: they join again."""
    for name, facts in scene.observed.hosts.items():
        engine = facts.engine
        if engine.swarm_state not in ("active", "pending") or name in scene.raft or name == scene.backup.host:
            continue
        if scene.has_moved:
            reason = "it looks for its manager at the old address; joins again"
        elif engine.node_id not in scene.backup.node_ids:
            reason = "it joined after the backup was made, which does not know it; joins again"
        else:
            continue
        step = Step(f"leave:{name}", "node", "remove", name, "leave the swarm", reason, frozenset({INIT}),
                    destructive=True)  # fmt: skip
        yield LeaveSwarm(step, name)


def _warnings(scene: Scene) -> Iterator[Finding]:
    backup = scene.backup
    yield Finding(
        "H54", "warning", "swarm", f"what was declared after {backup.made_at} is lost",
        "services, secrets, configs, networks and nodes of then; volumes that are on their hosts stay as they are",
        "compare with swarmkit plan -f STACK afterwards",
    )  # fmt: skip
    yield from old_manager_warnings(scene)
    if newer := sorted(scene.running - backup.services):
        yield Finding(
            "H62", "warning", ", ".join(newer), f"run now and are not in the backup of {backup.made_at}",
            "their tasks are removed with the restore", "deploy them again afterwards: swarmkit up -f STACK",
        )  # fmt: skip
    for volume in scene.missing():
        yield Finding(
            "H58", "warning", volume.data.name, f"is not on {volume.host} any more: it gets its data of the backup",
            f"of {volume.data.taken_at}", "what was written after that is lost",
        )  # fmt: skip
    for volume in backup.volumes:
        if volume.host in scene.silent and volume.data.name not in scene.init_empty:
            yield Finding(
                "H58", "warning", volume.data.name, f"gets no data: {volume.host}, which had it, does not answer",
                scene.silent[volume.host],
                f"bring it back first; where {volume.data.service} may run elsewhere, it starts empty there",
            )  # fmt: skip
    if scene.has_moved:
        yield Finding(
            "H31", "warning", "swarm", "every node but the manager leaves and joins anew",
            f"{backup.host} was {backup.advertise_addr}", "their tasks end and start again; a node gets a new id",
        )  # fmt: skip
