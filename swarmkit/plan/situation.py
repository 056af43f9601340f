"""Named facts of hosts and swarm that a playbook's steps may depend on; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.model import Node, Observed
from swarmkit.plan.nodes.departures import strangers


@dataclass(frozen=True)
class Situation:
    """What was read of the hosts that answered, and which did not."""

    inventory: Inventory
    observed: Observed
    silent: Mapping[str, str]
    """Host -> why it does not answer."""

    def node_of(self, host: Host) -> Node | None:
        """Return a host's node; that of one which does not answer by the name or the address it should have."""
        cluster, facts = self.observed.cluster, self.observed.hosts.get(host.name)
        if cluster is None:
            return None
        if facts is not None and (node := cluster.node(facts.engine.node_id)):
            return node
        names = {host.name, facts.system.hostname} if facts else {host.name}
        address = host.advertise_addr or host.address
        return next((node for node in cluster.nodes if node.hostname in names or node.address == address), None)


@dataclass(frozen=True)
class Fact:
    about: str
    holds: Callable[[Situation, Host | None], bool]
    of_host: bool = False


def holds(situation: Situation, name: str, host: str = "") -> bool:
    """Tell whether the fact *name* holds, of *host* where it is one of a host."""
    return FACTS[name].holds(situation, situation.inventory.host(host) if host else None)


def _states(situation: Situation) -> list[str]:
    return [facts.engine.swarm_state for facts in situation.observed.hosts.values()]


def _works(situation: Situation) -> bool:
    return situation.observed.cluster is not None


def _all_ready(situation: Situation) -> bool:
    cluster = situation.observed.cluster
    return cluster is not None and all(node.state == "ready" for node in cluster.nodes)


def _managers_lock(situation: Situation) -> bool:
    cluster = situation.observed.cluster
    return cluster is not None and bool((cluster.spec.get("EncryptionConfig") or {}).get("AutoLockManagers"))


def _to_join(situation: Situation) -> bool:
    return any(facts.engine.swarm_state == "inactive" for facts in situation.observed.hosts.values())


def _node(situation: Situation, host: Host | None) -> Node | None:
    return situation.node_of(host) if host else None


def _is_ready(situation: Situation, host: Host | None) -> bool:
    """The node a host is now: a stale entry of the same name does not count."""
    facts = situation.observed.hosts.get(host.name) if host else None
    cluster = situation.observed.cluster
    node = cluster.node(facts.engine.node_id) if facts and cluster else None
    return node is not None and node.state == "ready"


def _is_down(situation: Situation, host: Host | None) -> bool:
    node = _node(situation, host)
    return node is not None and node.state == "down"


def _is_drained(situation: Situation, host: Host | None) -> bool:
    node = _node(situation, host)
    return node is not None and node.availability == "drain"


FACTS: Mapping[str, Fact] = {
    "hosts-answer": Fact("every host of the inventory answers by SSH and has an engine", lambda s, _: not s.silent),
    "swarm-exists": Fact(
        "some host of the inventory is a node of a swarm", lambda s, _: any(state != "inactive" for state in _states(s))
    ),
    "swarm-works": Fact("a manager tells of the swarm: it has a quorum", lambda s, _: _works(s)),
    "quorum-lost": Fact(
        "some host is in a swarm, and no manager that answers tells of it",
        lambda s, _: not _works(s) and any(state in ("active", "pending", "locked") for state in _states(s)),
    ),
    "managers-lock": Fact("the managers lock when they start", lambda s, _: _managers_lock(s)),
    "managers-locked": Fact(
        "some manager is locked and waits for the unlock key", lambda s, _: "locked" in _states(s)
    ),
    "nodes-ready": Fact("the swarm works and every one of its nodes is ready", lambda s, _: _all_ready(s)),
    "hosts-to-join": Fact("some host that answers is in no swarm", lambda s, _: _to_join(s)),
    "nodes-to-remove": Fact(
        "the swarm has a node that no host which answers is", lambda s, _: bool(strangers(s.observed))
    ),
    "host-answers": Fact(
        "the host answers", lambda s, host: host is not None and host.name in s.observed.hosts, of_host=True
    ),
    "node-ready": Fact("the host is a ready node", _is_ready, of_host=True),
    "node-down": Fact("the managers see the host's node as down", _is_down, of_host=True),
    "node-drained": Fact("the host's node is drained", _is_drained, of_host=True),
}  # fmt: skip
"""Name -> what it means; the source of `swarmkit play --facts` and of docs/runbooks.md."""
