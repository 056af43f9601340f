"""What forbids a restore, before anything is touched; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from swarmkit.finding import Finding
from swarmkit.plan.nodes.advertised import advertise_address
from swarmkit.plan.nodes.memberships import ended_states
from swarmkit.plan.refusals import machine_refusals
from swarmkit.plan.restore.model import Scene
from swarmkit.plan.restore.old_managers import old_manager_refusals
from swarmkit.plan.restore.strangers import stranger_refusals


def restore_refusals(scene: Scene) -> Iterator[Finding]:
    """Yield why the backup's manager must not go on from it: another may be alive, or the host does not fit."""
    inventory, backup = scene.inventory, scene.backup
    if backup.cluster != inventory.cluster:
        yield Finding(
            "H49", "error", "swarm", f"the backup is of cluster '{backup.cluster}', not of '{inventory.cluster}'",
            "", "check swarm_cluster and the file",
        )  # fmt: skip
    for host in inventory.managers:
        if host.name in scene.silent and host.name not in scene.lost and host.name != backup.host:
            yield Finding(
                "H54", "error", host.name, "does not answer, and may be a manager that lives", scene.silent[host.name],
                f"bring it back; if it is off for good: --lost {host.name}",
            )  # fmt: skip
    for name, facts in scene.raft.items():
        if scene.is_placed and name == backup.host:
            continue
        same = facts.cluster_id == backup.cluster_id
        yield Finding(
            "H54", "error", name, "is a manager that lives" if same else "is a manager of another swarm",
            f"cluster {facts.cluster_id}",
            "a swarm that lost its quorum: swarmkit recover quorum; one that answers needs no backup" if same
            else "check the inventory",
        )  # fmt: skip
    yield from old_manager_refusals(scene)
    yield from stranger_refusals(scene)
    yield from _target_refusals(scene)
    yield from _homeless_refusals(scene)


def member_refusals(scene: Scene) -> Iterator[Finding]:
    """Yield why the hosts would not all become nodes again: told before the force, which nothing takes back."""
    if hosts := scene.answering():
        yield from ended_states(scene.observed, but=scene.backup.host)
        yield from machine_refusals(replace(scene.inventory, hosts=hosts), scene.observed)


def _target_refusals(scene: Scene) -> Iterator[Finding]:
    backup, silent = scene.backup, scene.silent
    facts = scene.observed.hosts.get(backup.host)
    if facts is None:
        known = backup.host in [host.name for host in scene.inventory.hosts]
        yield Finding(
            "H54", "error", backup.host, "the backup is of this host, and it does not answer" if known
            else "the backup is of this host, which is not in the inventory",
            silent.get(backup.host, ""), "a new machine under its name will do",
        )  # fmt: skip
        return
    if facts.engine.swarm_state not in ("inactive", "error") and not scene.is_placed:
        yield Finding(
            "H49", "error", backup.host, f"its swarm state is {facts.engine.swarm_state}", facts.engine.swarm_error,
            "if that swarm is not needed, run docker swarm leave --force there",
        )  # fmt: skip
    yield from _address_refusals(scene)
    if _release(facts.engine.version) < _release(backup.engine_version):
        yield Finding(
            "H61", "error", backup.host, "its engine is older than the one the backup is of",
            f"{facts.engine.version}, the backup {backup.engine_version}", "install that engine or a newer one",
        )  # fmt: skip


def _homeless_refusals(scene: Scene) -> Iterator[Finding]:
    """Yield the backup's volumes whose host is declared no more: their services would start elsewhere, without data."""
    declared = {host.name for host in scene.inventory.hosts}
    for volume in scene.backup.volumes:
        name = volume.data.name
        if volume.host not in declared and name not in scene.init_empty:
            yield Finding(
                "H58", "error", name, f"would start empty: it was on {volume.host}, which is not in the inventory",
                f"used by {volume.data.service}, data of {volume.data.taken_at}",
                f"call the host that shall have it {volume.host} in the inventory; or agree: --init-empty {name}",
            )  # fmt: skip


def _address_refusals(scene: Scene) -> Iterator[Finding]:
    backup, host = scene.backup, scene.inventory.host(scene.backup.host)
    facts = scene.observed.hosts[host.name]
    address = advertise_address(host, facts)
    if address in facts.system.addresses and address != backup.advertise_addr and not scene.new_addresses:
        yield Finding(
            "H31", "error", host.name, f"it has the address {address}, the backup is of {backup.advertise_addr}",
            f"the host has {', '.join(facts.system.addresses)}",
            "give it that address: the other nodes look for their manager there; or let every other node leave and "
            "join anew: --new-addresses",
        )  # fmt: skip


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
