"""Engines whose node the managers have removed while they were away; pure."""

from __future__ import annotations

from swarmkit.observed.model import ClusterState, EngineFacts


def was_removed(engine: EngineFacts, cluster: ClusterState | None) -> bool:
    """Tell whether *engine* asks *cluster* for a place that was taken from it: no wait ends that."""
    members = {node.id for node in cluster.nodes} if cluster else set[str]()
    is_none = bool(engine.node_id) and engine.node_id not in members
    return engine.swarm_state == "pending" and is_none and bool(engine.remote_managers & members)
