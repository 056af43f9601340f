"""Which hosts' engines have their end of the routing mesh's network. Never writes."""

from __future__ import annotations

from dataclasses import replace

from swarmkit.observed.model import ClusterState, NetworkState, Observed
from swarmkit.reach.engine import Engine, EngineError
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet

_SANDBOX = "ingress-sbox"
_NOT_FOUND = 404


def ingress_of(cluster: ClusterState) -> NetworkState | None:
    return next((network for network in cluster.networks if network.raw.get("Ingress")), None)


def has_ingress(engine: Engine, identity: str) -> bool:
    """Tell whether the engine has its end of the ingress network of that ID: its managers alone know of one without."""
    try:
        network = engine.inspect("networks", identity)
    except EngineError as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return _SANDBOX in (network.get("Containers") or {})


def ready_hosts(observed: Observed) -> list[str]:
    """Return the hosts whose nodes are ready, as the managers see them."""
    nodes = observed.cluster.nodes if observed.cluster else ()
    ready = {node.id for node in nodes if node.state == "ready"}
    return [name for name, facts in observed.hosts.items() if facts.engine.node_id in ready]


def with_ingress(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with the ready hosts whose engines have no end of the swarm's ingress network.

    Raises what the first host that does not answer raised.
    """
    network = ingress_of(observed.cluster) if observed.cluster else None
    if network is None:
        return observed
    identity = network.id
    answers = fan_out(ready_hosts(observed), lambda name: has_ingress(fleet[name].engine, identity))
    for answer in answers.values():
        if isinstance(answer, Exception):
            raise answer
    return replace(observed, without_ingress=frozenset(name for name, has_it in answers.items() if not has_it))
