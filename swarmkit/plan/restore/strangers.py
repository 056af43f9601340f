"""Hosts that a restore must not tell to leave: they are in another swarm, or in one that cannot be told; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import EngineFacts
from swarmkit.observed.raft import possible_members
from swarmkit.plan.restore.model import Scene


def stranger_refusals(scene: Scene) -> Iterator[Finding]:
    """Yield the hosts whose swarm is not the backup's, by their certificates; managers are told of elsewhere."""
    wanted = scene.backup.cluster_id
    for name in possible_members(scene.observed):
        if name in scene.raft or name == scene.backup.host:
            continue
        cluster, engine = scene.clusters.get(name, ""), scene.observed.hosts[name].engine
        if cluster and cluster != wanted:
            yield Finding(
                "H49", "error", name, "is in another swarm than the backup's",
                f"its certificate is of cluster {cluster}, the backup of {wanted}",
                "correct the inventory; if that swarm is not needed, run docker swarm leave --force there",
            )  # fmt: skip
        elif not cluster and not _is_ours(engine, scene) and not _never_joined(engine):
            seen = f"swarm state {engine.swarm_state}, no readable certificate in Docker's folder, " + (
                f"node {engine.node_id} is unknown" if engine.node_id else "no node id"
            )
            yield Finding(
                "H49", "error", name, "is in a swarm that cannot be told", seen,
                "see journalctl -u docker there; if that swarm is not needed, run docker swarm leave --force there",
            )  # fmt: skip


def _is_ours(engine: EngineFacts, scene: Scene) -> bool:
    """Whether the node is one of the backup's, or of the swarm that goes on from it: a swarm draws its nodes' ids."""
    cluster = scene.observed.cluster
    return engine.node_id in scene.backup.node_ids or (cluster is not None and cluster.node(engine.node_id) is not None)


def _never_joined(engine: EngineFacts) -> bool:
    """Whether the host has asked to join and got neither an id nor a certificate: it is no swarm's node."""
    return engine.swarm_state == "pending" and not engine.node_id
