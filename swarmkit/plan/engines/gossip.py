"""Engines that have no part in their swarm's gossip, or keep the port of a swarm that they left: a start helps.

A node's network agent may not have started: the node is ready, its new tasks on overlays are rejected, and its
containers hear no other host (moby issues 34864 and 38318). And an engine that leaves gives its agent a second to say
so to the others; where that is too short it keeps the port, and the agent of the next swarm finds it taken (moby issue
31913, libnetwork/networkdb/cluster.go, clusterLeave).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.observed.parse import node_state
from swarmkit.plan.context import Context
from swarmkit.plan.engines.restarted_node import START_TIMEOUT_SECONDS, step_aside, wait_for_node
from swarmkit.plan.engines.started_engine import start_network_agent, swarm_once
from swarmkit.plan.engines.unit import restart_engine
from swarmkit.plan.model import Step
from swarmkit.secret import Secret

AGENT, LET_GO = "agent:", "port:"
"""Begin the keys of the two operations, before the host's name."""


@dataclass(frozen=True)
class StartAgent:
    """See that a node's engine hears the other nodes; start it again where it does not, as often as that takes."""

    step: Step
    node_id: str

    def run(self, context: Context) -> str:
        host, keys = self.step.target, list[Secret]()
        restarted = start_network_agent(
            context.reached(host),
            lambda: wait_for_node(context, host, self.node_id, keys[-1]),
            before=lambda: keys.append(step_aside(context, host, self.node_id)),
        )
        return restarted.removeprefix("; ") or "its engine hears other nodes by now"


@dataclass(frozen=True)
class LetGoOfSwarm:
    """Start the engine of a host again that is in no swarm and runs nothing: it lets go of the port of its last one."""

    step: Step

    def run(self, context: Context) -> str:
        host = self.step.target
        reached = context.reached(host)
        done = restart_engine(reached)
        if done.exit_code != 0:
            to_do = f"on {host}: systemctl restart docker"
            raise SwarmkitError(f"{host}: its engine could not be started again", done.stderr.strip()[-500:], to_do)
        swarm = swarm_once(reached, Secret(b""), lambda swarm: node_state(swarm) == "inactive", START_TIMEOUT_SECONDS)
        if node_state(swarm) != "inactive":
            raise NotConvergedError(f"{host}: its engine was started again, and is {node_state(swarm)}")
        return ""


def start_agents(observed: Observed) -> Iterator[StartAgent]:
    """Yield what starts the network agents of ready nodes that have none, one after another."""
    after = frozenset[str]()
    for name, facts in observed.hosts.items():
        node = observed.cluster.node(facts.engine.node_id) if observed.cluster else None
        if node and node.state == "ready" and lacks_agent(facts):
            reason = "nothing listens on port 7946: it hears no other node, and its tasks end meanwhile"
            step = Step(f"{AGENT}{name}", "node", "update", name, "start its engine again", reason, after)
            yield StartAgent(step, node.id)
            after = frozenset({step.key})


def lacks_agent(facts: HostFacts) -> bool:
    """Tell whether no network agent listens on a node's host, as far as what is seen there is its engine's."""
    is_seen = any(device.startswith("docker") for device in facts.system.addresses.values())
    return facts.engine.swarm_state == "active" and facts.system.gossip is False and is_seen


def let_go(observed: Observed) -> Iterator[LetGoOfSwarm]:
    """Yield what has engines let go of a swarm that they left, where nothing runs that would end with it."""
    for name, facts in observed.hosts.items():
        if lets_go(facts):
            reason = "it has port 7946 of a swarm that it left still; no container runs there"
            yield LetGoOfSwarm(Step(f"{LET_GO}{name}", "node", "update", name, "start its engine again", reason))


def lets_go(facts: HostFacts) -> bool:
    """Tell whether an engine that is in no swarm has the gossip's port still, and may be started again for it."""
    keeps_it = bool(facts.system.gossip) and facts.system.gossip_of_engine
    return facts.engine.swarm_state == "inactive" and keeps_it and not facts.engine.running_containers
