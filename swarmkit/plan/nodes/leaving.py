"""Leaving the swarm: the node's state is read back, and what Docker forgot to take away is taken away."""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.observed import parse
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.leader import once_a_leader_tells
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.retry import wait_until

_RELEASE_SECONDS = 10
"""The daemon takes the ingress network away in the background and gives up after 5 s (moby: DaemonLeavesCluster)."""


@dataclass(frozen=True)
class LeaveSwarm:
    step: Step
    host: str

    def run(self, context: Context) -> str:
        left_behind = leave(context.reached(self.host).engine, self.host)
        return f"networks Docker left behind were removed: {', '.join(left_behind)}" if left_behind else ""


@dataclass(frozen=True)
class LeaveOldRaft:
    """Leave the raft of before a recovery; who has joined the new one by itself stays.

    An engine does so where the manager that goes on answers it while it has its entry still. One that left then would
    be a lost member: of two, the quorum.
    """

    step: Step
    host: str
    node_id: str

    def run(self, context: Context) -> str:
        # While a second manager catches up with the first, the two have no leader.
        nodes = once_a_leader_tells(lambda: context.manager.find("nodes"))
        if self.node_id in {node.id for node in map(parse.node, nodes) if node.reachability}:
            return "it has joined the new one by itself, and stays"
        return LeaveSwarm(self.step, self.host).run(context)


def leave(engine: Engine, host: str) -> list[str]:
    """Let a host leave its swarm, with none of the swarm's networks staying; return those that had to be removed.

    A network that stays, mostly ingress, takes its subnet from the next swarm the host joins.

    Raises: SwarmkitError when the host is still a node, or a network cannot be removed.
    """
    engine.leave_swarm(force=True)
    state = wait_until(
        lambda: engine.info()["Swarm"].get("LocalNodeState"), lambda value: value == "inactive", timeout_seconds=60
    )
    if state != "inactive":
        raise SwarmkitError(f"{host}: told to leave the swarm, but its node state is {state}")
    left = wait_until(lambda: _swarm_networks(engine), lambda networks: not networks, timeout_seconds=_RELEASE_SECONDS)
    names = [network["Name"] for network in left]
    try:
        for network in left:
            engine.remove("networks", network["Id"])
    except EngineError as error:
        raise SwarmkitError(
            f"{host}: has left the swarm, but Docker keeps its networks {', '.join(names)}",
            error.message,
            f"on {host}: systemctl restart docker",
        ) from error
    return names


def _swarm_networks(engine: Engine) -> list[Json]:
    return [network for network in engine.find("networks") if network.get("Scope") == "swarm"]
