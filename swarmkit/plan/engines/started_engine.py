"""What is seen of an engine after its start: that it is a node, a manager, and that it hears the other nodes.

An engine that starts as a node may leave its network agent stopped, by which overlays learn of other nodes, and tells
nobody: it is a ready node whose new tasks fail with "cannot create a swarm scoped network when swarm is not active",
and whose containers hear no other host (moby issues 34864 and 38318). Seen on 26.1 after a forced new cluster, and
after one unlocking in six of managers that lock, on one processor. The next start mends it, or the one after.
"""

from __future__ import annotations

from collections.abc import Callable

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.plan.engines.unit import restart_engine_for_its_agent
from swarmkit.reach.engine import EngineError, Json
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError
from swarmkit.secret import Secret

START_TIMEOUT_SECONDS = 120.0
AGENT_TIMEOUT_SECONDS = 20.0
MOST_RESTARTS = 3
# The agent's gossip: tcp/7946 in state LISTEN, and udp/7946 unconnected.
_LISTENS = """
heard() { grep -qE ": [0-9A-F]+:1F0A [0-9A-F]+:0000 $1 " "$2" "${2}6" 2>/dev/null; }
heard 0A /proc/net/tcp && heard 07 /proc/net/udp
"""
_INGRESS = "stat -Lc %i /run/docker/netns/ingress_sbox 2>/dev/null || :"
NOT_YET = (EngineError, ConnectionLostError, CommandTimeoutError)


def swarm_once(reached: ReachedHost, unlock_key: Secret, is_so: Callable[[Json], bool], timeout_seconds: float) -> Json:
    """Return what the engine tells of its swarm once that *is_so*, or at last; unlocks it where its managers lock.

    The engine that answers now may be a newer one, and speak another version of the API.
    """

    def look() -> Json:
        reached.engine.negotiate()
        swarm: Json = reached.engine.info()["Swarm"]
        if parse.node_state(swarm) == "locked" and unlock_key.text():
            reached.engine.unlock_swarm(unlock_key)
        return swarm

    return wait_until(look, is_so, timeout_seconds=timeout_seconds, retry_on=NOT_YET)


def wait_for_engine(reached: ReachedHost, unlock_key: Secret) -> None:
    """Wait until the engine answers and is a manager.

    A manager whose peers are gone has no leader, and stays ``pending`` until a new cluster is forced.
    """
    swarm = swarm_once(reached, unlock_key, _is_up, START_TIMEOUT_SECONDS)
    if not _is_up(swarm):
        raise NotConvergedError(
            f"{reached.host.name}: its engine runs, but it is no manager: {parse.node_state(swarm)}",
            str(swarm.get("Error") or ""),
            f"see: journalctl -u docker on {reached.host.name}",
        )


def _is_up(swarm: Json) -> bool:
    state = parse.node_state(swarm)
    return state == "pending" or (state == "active" and bool(swarm.get("ControlAvailable")))


def wait_for_manager(reached: ReachedHost) -> None:
    """Wait until the swarm sees a manager as ready, and a member of the raft."""
    node_id = str(reached.engine.info()["Swarm"]["NodeID"])
    node = wait_until(
        lambda: parse.node(reached.engine.inspect("nodes", node_id)),
        lambda node: node.state == "ready" and node.reachability == "reachable",
        timeout_seconds=START_TIMEOUT_SECONDS,
        retry_on=NOT_YET,
    )
    if node.state != "ready" or node.reachability != "reachable":
        raise NotConvergedError(
            f"{reached.host.name}: its engine was started again, but the swarm sees it as {node.state}",
            f"waited {START_TIMEOUT_SECONDS:g} s",
            f"see: journalctl -u docker on {reached.host.name}",
        )


def wait_for_locking_manager(reached: ReachedHost, unlock_key: Secret) -> None:
    """Wait for a manager that was started, unlocking it where managers lock."""
    wait_for_engine(reached, unlock_key)
    wait_for_manager(reached)


def start_network_agent(
    reached: ReachedHost, wait: Callable[[], None], *, before: Callable[[], None] = lambda: None
) -> str:
    """See that a node's engine listens for the other nodes; start it again where it does not, MOST_RESTARTS times.

    *before* comes before each start, and *wait* waits until the engine that was started again is a node. Returns what
    had to be done, for the step's note.
    """
    for restarts in range(MOST_RESTARTS + 1):
        if _listens(reached):
            return f"; restarts of its engine until it heard other nodes: {restarts}" if restarts else ""
        if restarts < MOST_RESTARTS:
            before()
            _restart(reached)
            wait()
    raise NotConvergedError(
        f"{reached.host.name}: its engine hears no other node, and {MOST_RESTARTS} restarts did not mend it",
        f"nothing listens on tcp and udp port 7946, waited {AGENT_TIMEOUT_SECONDS:g} s",
        f"see on {reached.host.name}: journalctl -u docker; ss -lntup",
    )


def ingress_sandbox(reached: ReachedHost) -> str:
    """Return which network namespace the engine receives published ports in; nothing where it has none yet."""
    return reached.shell.run(_INGRESS, timeout_seconds=AGENT_TIMEOUT_SECONDS).stdout.strip()


def is_unannounced(reached: ReachedHost, before: str) -> bool:
    """Tell whether the ingress sandbox of *before* a forced new cluster is still there.

    The engine's gossip begins anew with that cluster and has no word of a sandbox that was there already: other nodes
    find no way back to who asked for a published port on this one (26.1 on the lab, in four of seven recoveries).
    """
    return bool(before) and ingress_sandbox(reached) == before


def announce_ingress(reached: ReachedHost, wait: Callable[[], None]) -> str:
    """Start the engine again, which makes its ingress anew, and *wait* for it."""
    _restart(reached)
    wait()
    return "its engine was started again, for the other nodes to learn of its published ports"


def _restart(reached: ReachedHost) -> None:
    name = reached.host.name
    done = restart_engine_for_its_agent(reached)
    if done.exit_code != 0:
        raise SwarmkitError(
            f"{name}: its engine tells other nodes nothing, and could not be restarted",
            done.stderr.strip()[-500:],
            f"on {name}: systemctl restart docker",
        )


def _listens(reached: ReachedHost) -> bool:
    return wait_until(
        lambda: reached.shell.run(_LISTENS, timeout_seconds=AGENT_TIMEOUT_SECONDS).exit_code == 0,
        bool,
        timeout_seconds=AGENT_TIMEOUT_SECONDS,
        interval_seconds=1.0,
        retry_on=NOT_YET,
    )
