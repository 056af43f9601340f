"""A node whose engine is about to be started again: its manager steps aside first, and is waited for after."""

from __future__ import annotations

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import NOT_YET, swarm_once
from swarmkit.plan.nodes.quorum import Quorum, quorum_of, the_node
from swarmkit.reach.retry import wait_until
from swarmkit.secret import Secret

START_TIMEOUT_SECONDS = 180.0


def step_aside(context: Context, host: str, node_id: str) -> Secret:
    """Let another manager take the writes while this one is away; refuse when none could decide anything then.

    Returns the key that unlocks it, where managers lock.
    """
    nodes = parse.nodes(context.manager.find("nodes"))
    quorum, node = quorum_of(nodes), the_node(nodes, node_id, host)
    if not node.reachability:
        return Secret(b"")
    left = Quorum(quorum.managers, quorum.reachable - 1)
    if left.reachable < left.needed and quorum.reachable < quorum.managers:
        raise SwarmkitError(
            f"{host}: its engine was not stopped, no quorum would be left meanwhile", str(left),
            "bring the other managers back, then run the same again",
        )  # fmt: skip
    key = context.manager.unlock_key()
    if quorum.managers > 1:
        context.hand_over(node_id)
    return key


def wait_for_node(context: Context, host: str, node_id: str, key: Secret) -> None:
    """Wait until the engine answers as a node of its swarm, unlocking it with *key*, and the managers see it ready."""
    reached = context.reached(host)
    swarm = swarm_once(reached, key, lambda swarm: parse.node_state(swarm) == "active", START_TIMEOUT_SECONDS)
    if parse.node_state(swarm) != "active":
        raise NotConvergedError(
            f"{host}: its engine runs, but its node is {parse.node_state(swarm)}",
            str(swarm.get("Error") or f"waited {START_TIMEOUT_SECONDS:g} s for it to be active"),
            f"see: journalctl -u docker on {host}",
        )
    node = wait_until(
        lambda: parse.node(context.manager.inspect("nodes", node_id)),
        lambda node: node.state == "ready" and node.reachability in ("", "reachable"),
        timeout_seconds=START_TIMEOUT_SECONDS,
        retry_on=NOT_YET,
    )
    if node.state != "ready" or node.reachability not in ("", "reachable"):
        raise NotConvergedError(
            f"{host}: its engine was started again, but the managers see it as "
            f"{node.state} {node.reachability}".rstrip(),
            f"waited {START_TIMEOUT_SECONDS:g} s",
            f"see: journalctl -u docker on {host}",
        )
