"""Planning what is left when a restored swarm goes on: who joins again, old entries, images and data; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from swarmkit.plan.data.holding import HoldService
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.data.putting import MakeVolume
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.leaving import LeaveSwarm
from swarmkit.plan.nodes.operations import AwaitReady, RemoveNode
from swarmkit.plan.nodes.returning import old_nodes
from swarmkit.plan.planner import joining_after, make_plan
from swarmkit.plan.restore.data import data_operations
from swarmkit.plan.restore.model import Scene
from swarmkit.plan.restore.strangers import stranger_refusals
from swarmkit.plan.states.quorum_recovery import recovery_plan
from swarmkit.plan.states.survey import Survey


def after_plan(scene: Scene) -> Plan:
    """Return what still has to be done for a swarm that goes on from the backup; empty when all is back."""
    fence = recovery_plan(Survey(scene.inventory, scene.observed, scene.raft, scene.silent), lost=()).plan
    if refusals := (*fence.refusals, *stranger_refusals(scene)):
        return replace(fence, operations=(), refusals=refusals)
    if operations := (*fence.operations, *_leaving(scene)):
        return replace(fence, operations=operations)
    hosts = tuple(replace(host, labels=scene.labels(host)) for host in scene.answering())
    # Whoever made the swarm: it was backed up as the inventory's. What is down in it, as all is, does not go by that.
    declared = Declared(
        replace(scene.inventory, hosts=hosts, leaving=()), adopt=True, data=DeclaredData(), overridden=scene.overridden
    )
    members = make_plan(declared, scene.observed)
    if members.refusals:
        return members
    stale = list(_stale(scene, members.operations))
    nodes = frozenset(operation.step.key for operation in members.operations)
    data = list(data_operations(scene, nodes))
    return replace(members, operations=tuple(joining_after([*members.operations, *stale, *data], _made(data))))


def _made(data: Sequence[Operation]) -> dict[str, frozenset[str]]:
    """Return by host the keys of its volumes, and of who is held: the swarm starts tasks there as soon as it joins."""
    held = frozenset(one.step.key for one in data if isinstance(one, HoldService))
    made: dict[str, frozenset[str]] = {}
    for one in data:
        if isinstance(one, MakeVolume):
            made[one.host] = made.get(one.host, held) | {one.step.key}
    return made


def _leaving(scene: Scene) -> Iterator[LeaveSwarm]:
    """Yield how workers leave that the swarm does not know, or that look for it where it was."""
    cluster = scene.observed.cluster
    for name, facts in scene.observed.hosts.items():
        if cluster is None or facts.engine.swarm_state not in ("active", "pending") or name in scene.raft:
            continue
        node = cluster.node(facts.engine.node_id)
        if node is None or (scene.has_moved and node.state != "ready"):
            reason = "the restored swarm does not see it; joins again"
            step = Step(f"leave:{name}", "node", "remove", name, "leave the swarm", reason, destructive=True)
            yield LeaveSwarm(step, name)


def _stale(scene: Scene, joining: Iterable[Operation]) -> Iterator[Operation]:
    """Yield the removals of the entries whose hosts are nodes under another id now."""
    joins = {operation.step.target: operation.step.key for operation in joining if operation.step.key[:5] == "join:"}
    for name, facts in scene.observed.hosts.items():
        old = [node for node in old_nodes(scene.inventory.host(name), scene.observed) if node.role == "worker"]
        if not old or (facts.engine.swarm_state != "active" and name not in joins):
            continue
        after = frozenset({joins[name]} if name in joins else ())
        ready = Step(f"ready:{name}", "node", "wait", name, "wait until it is ready", "", after)
        yield AwaitReady(ready)
        for node in old:
            what = f"remove its old node {node.id[:12]}"
            step = Step(f"remove:{node.id}", "node", "remove", name, what, "it has joined anew",
                        frozenset({ready.key}), destructive=True)  # fmt: skip
            yield RemoveNode(step, node.id, is_down=node.state == "down", has_left=True)
