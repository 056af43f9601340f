"""Operations on nodes that are in the swarm: roles, draining, removal.

Those that take time read back what came of them; what the others did, the next look reads back.
"""

from __future__ import annotations

from dataclasses import dataclass

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.quorum import quorum_of, the_node
from swarmkit.plan.nodes.swarm_operations import change_node, wait_until_reachable
from swarmkit.reach.engine import EngineError, Json
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import ConnectionLostError

ROLE_TIMEOUT_SECONDS = 90.0
DRAIN_TIMEOUT_SECONDS = 300.0
_ALIVE = ("assigned", "accepted", "preparing", "ready", "starting", "running")


@dataclass(frozen=True)
class Promote:
    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        change_node(context.manager, self.node_id, role="manager")
        wait_until_reachable(context, self.step.target, self.node_id)
        # The raft counts it a moment before its own engine takes requests as a manager.
        engine = context.reached(self.step.target).engine
        swarm = wait_until(
            lambda: engine.info()["Swarm"],
            lambda swarm: bool(swarm.get("ControlAvailable")),
            timeout_seconds=ROLE_TIMEOUT_SECONDS,
            retry_on=(ConnectionLostError,),
        )
        if not swarm.get("ControlAvailable"):
            raise NotConvergedError(
                f"{self.step.target}: is a manager, but its engine takes no requests as one",
                f"waited {ROLE_TIMEOUT_SECONDS:g} s",
                f"see: journalctl -u docker on {self.step.target}",
            )
        return ""


@dataclass(frozen=True)
class Demote:
    """Make a manager a worker; refused when those that remain could decide nothing (HAZARDS H53)."""

    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        context.hand_over(self.node_id)
        nodes = parse.nodes(context.manager.find("nodes"))
        left = quorum_of(nodes).without(the_node(nodes, self.node_id, self.step.target))
        if not left.holds:
            raise SwarmkitError(
                f"{self.step.target}: not demoted, the quorum would be lost", str(left), "bring the other managers back"
            )
        change_node(context.manager, self.node_id, role="worker")
        # A new leader may have to be elected, which nobody answers for meanwhile.
        node = wait_until(
            lambda: context.manager.inspect("nodes", self.node_id),
            lambda node: not node.get("ManagerStatus"),
            timeout_seconds=ROLE_TIMEOUT_SECONDS,
            retry_on=(EngineError, ConnectionLostError),
        )
        if node.get("ManagerStatus"):
            raise NotConvergedError(
                f"{self.step.target}: told to be a worker, but still is a member of the managers' raft",
                f"waited {ROLE_TIMEOUT_SECONDS:g} s",
                "run the same again",
            )
        return f"demoted; {left}"


@dataclass(frozen=True)
class SetAvailability:
    step: Step
    node_id: str
    availability: str

    def run(self, context: Context) -> str:
        change_node(context.manager, self.node_id, availability=self.availability)
        return ""


@dataclass(frozen=True)
class AwaitEmptied:
    """Wait until a drained node has no task left and the services it ran are whole elsewhere."""

    step: Step
    node_id: str
    services: tuple[str, ...]
    timeout_seconds: float = DRAIN_TIMEOUT_SECONDS

    def run(self, context: Context) -> str:
        def left() -> list[Json]:
            tasks = context.manager.find("tasks", {"node": [self.node_id]})
            return [task for task in tasks if task["Status"]["State"] in _ALIVE]

        tasks = wait_until(
            left,
            lambda tasks: not tasks,
            timeout_seconds=self.timeout_seconds,
            retry_on=(EngineError, ConnectionLostError),
        )
        if tasks:
            raise NotConvergedError(
                f"{self.step.target}: {len(tasks)} tasks still run there",
                f"waited {self.timeout_seconds:g} s for them to end after it was drained",
                f"see: docker node ps {self.node_id[:12]}",
            )
        for service in self.services:
            context.await_service(service, self.step.key)
        count = len(self.services)
        return f"{count} service{'s run' if count > 1 else ' runs'} elsewhere" if count else ""


@dataclass(frozen=True)
class AwaitReady:
    """Wait until the managers see a host as a ready node."""

    step: Step

    def run(self, context: Context) -> str:
        node_id = str(context.reached(self.step.target).engine.info()["Swarm"]["NodeID"])
        state = wait_until(
            lambda: context.manager.inspect("nodes", node_id)["Status"]["State"],
            lambda state: state == "ready",
            timeout_seconds=ROLE_TIMEOUT_SECONDS,
            retry_on=(EngineError, ConnectionLostError),
        )
        if state != "ready":
            raise NotConvergedError(
                f"{self.step.target}: has joined but the managers see it as {state}",
                f"waited {ROLE_TIMEOUT_SECONDS:g} s",
                self._to_do(context, node_id),
            )
        return f"node {node_id[:12]} is ready"

    def _to_do(self, context: Context, node_id: str) -> str:
        """Return what helps: while its old entry was a manager, that got the raft messages meant for this one."""
        nodes = {node.id: node for node in parse.nodes(context.manager.find("nodes"))}
        host, address = self.step.target, nodes[node_id].address
        if any(node.address == address for node in nodes.values() if node.id != node_id):
            return f"an old entry has its address: on {host} run systemctl restart docker, then the same again"
        return f"see: journalctl -u docker on {host}"


@dataclass(frozen=True)
class RemoveNode:
    """Take a node's entry out of the swarm; the engine refuses for a manager, so it is demoted before."""

    step: Step
    node_id: str
    is_down: bool
    has_left: bool = False
    """Whether its host is a node under another id by now."""

    def run(self, context: Context) -> str:
        context.manager.remove("nodes", self.node_id, force=not self.is_down)
        left = [node for node in context.manager.find("nodes") if node["ID"] == self.node_id]
        if left:
            raise NotConvergedError(f"{self.step.target}: node {self.node_id[:12]} was removed but is still there")
        return "" if self.is_down or self.has_left else "removed; on the host itself run: docker swarm leave"
