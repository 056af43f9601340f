"""Whether the swarms that the hosts are in allow to work on the declared one: all that forbids it at once; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.left_by_force import no_members
from swarmkit.observed.model import RECOVERY_LABEL, ClusterState, EngineFacts, Observed
from swarmkit.observed.removed_nodes import was_removed

CLUSTER_LABEL = "swarmkit.cluster"


def membership_refusals(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    """Yield what forbids to work with the swarm that the hosts are in: none of it, another one, one that has ended."""
    yield from _local_states(observed)
    active = {name: facts.engine for name, facts in observed.hosts.items() if facts.engine.swarm_state == "active"}
    clusters = {engine.cluster_id for engine in active.values() if engine.cluster_id}
    if len(clusters) > 1:
        evidence = ", ".join(f"{name}: {engine.cluster_id}" for name, engine in active.items() if engine.cluster_id)
        yield Finding(
            "H49", "error", "swarm", "the hosts are managers of different swarms", evidence, _leave(" or ".join(active))
        )
        return
    if observed.cluster_error:
        yield Finding(
            "H54", "error", "swarm", "no manager can tell of the swarm: it may have lost its quorum",
            observed.cluster_error,
            "bring the other managers back, on each: systemctl start docker; if they are gone for good: swarmkit "
            "recover quorum",
        )  # fmt: skip
        return
    cluster = observed.cluster
    if cluster is None:
        absent = ", ".join(host.name for host in inventory.leaving)
        start = f"the inventory has {absent} absent, which may be its manager: start it; " if absent else ""
        for name in active:
            yield Finding(
                "H49",
                "error",
                name,
                "it is in a swarm of which no host of the inventory is a manager",
                f"its swarm state is active, its node id {active[name].node_id}",
                f"{start}{_leave(name)}" if absent else _leave_lost(name, inventory, observed),
            )
        return
    yield from _cluster(inventory, cluster, active, adopt=adopt)


def ended_states(observed: Observed, *, but: str = "") -> Iterator[Finding]:
    """Yield the hosts whose state of a swarm does not start, which no swarm takes as they are; *but* gets another."""
    for finding in _local_states(observed):
        if finding.where != but and observed.hosts[finding.where].engine.swarm_state == "error":
            yield replace(
                finding, remedy=f"{finding.remedy}; to let it join anew, on {finding.where}: docker swarm leave --force"
            )


def _local_states(observed: Observed) -> Iterator[Finding]:
    for name, facts in observed.hosts.items():
        engine = facts.engine
        if was_removed(engine, observed.cluster):
            yield Finding(
                "H49",
                "error",
                name,
                "its node was removed from the swarm while it was away, and it asks for its place",
                f"node {engine.node_id}",
                f"on {name}: docker swarm leave --force; then swarmkit up",
            )
        elif engine.swarm_state in ("error", "locked", "pending"):
            yield Finding(
                "H49",
                "error",
                name,
                f"its swarm state is {engine.swarm_state}",
                engine.swarm_error or f"docker info has LocalNodeState {engine.swarm_state}",
                {
                    "locked": "run: swarmkit unlock",
                    "pending": "a join is under way there: wait, then run this again; a manager whose peers are gone: "
                    "swarmkit recover quorum",
                }.get(engine.swarm_state, f"on {name}: journalctl -u docker --since -1h"),
            )


def _cluster(
    inventory: Inventory, cluster: ClusterState, active: dict[str, EngineFacts], *, adopt: bool
) -> Iterator[Finding]:
    """Yield what forbids to work on *cluster*: members of another one, another owner, what cannot change."""
    members = {node.id for node in cluster.nodes}
    # A manager, but not of this raft: the recovery was cut off after its force.
    left = {node.id for node in no_members(cluster.nodes)}
    recovered = int(cluster.labels.get(RECOVERY_LABEL, "0"))
    for name, engine in active.items():
        was_left = engine.is_manager and engine.node_id in left
        if engine.node_id in members and not was_left:
            continue
        if was_left or (engine.is_manager and engine.recovery < recovered):
            yield Finding(
                "H49", "error", name, "it missed the recovery of its swarm and still believes in the old one",
                f"node {engine.node_id}", "run: swarmkit recover quorum",
            )  # fmt: skip
        else:
            # A manager that missed the recovery ends its raft when the swarm that went on answers it.
            to_do = _leave(name)
            if recovered:
                to_do = f"a manager of before the recovery: swarmkit recover quorum; else {to_do}"
            yield Finding(
                "H49", "error", name, f"it is in another swarm than {cluster.told_by}", f"node {engine.node_id}", to_do
            )
    owner = cluster.labels.get(CLUSTER_LABEL)
    if owner is None and not adopt:
        yield Finding(
            "H49", "error", cluster.told_by, "it is a manager of a swarm that swarmkit has not made",
            f"cluster {cluster.id} has no label {CLUSTER_LABEL}",
            "if this swarm is meant, run again with --adopt; else check the inventory",
        )  # fmt: skip
    elif owner is not None and owner != inventory.cluster:
        yield Finding(
            "H49", "error", cluster.told_by, f"it is a manager of the swarm '{owner}', not of '{inventory.cluster}'",
            f"cluster {cluster.id}", "check swarm_cluster and the addresses in the inventory",
        )  # fmt: skip
    if inventory.data_path_port and inventory.data_path_port != cluster.data_path_port:
        yield Finding(
            "B17", "error", "swarm", "swarm_data_path_port cannot change after the swarm was made",
            f"declared {inventory.data_path_port}, live {cluster.data_path_port}",
            f"in the inventory, under vars: swarm_data_path_port: {cluster.data_path_port}",
        )  # fmt: skip


def _leave(hosts: str) -> str:
    leave = f"if that swarm is not needed, on {hosts}: docker swarm leave --force"
    return f"{leave}; swarmkit never does that by itself"


def _leave_lost(name: str, inventory: Inventory, observed: Observed) -> str:
    """Return what helps a worker whose managers are not found: they may have left its swarm, which nobody tells of."""
    managers = [host.name for host in inventory.managers]
    read = [observed.hosts[manager].engine.swarm_state for manager in managers if manager in observed.hosts]
    if len(read) < len(managers) or set(read) != {"inactive"}:
        return _leave(name)
    lost = f"if {', '.join(managers)} managed that swarm and left it: swarmkit restore ARCHIVE"
    return f"{lost}; without a backup, or {_leave(name)}; swarmkit up then makes it anew, and data in volumes stays"
