"""The rows of a status: hosts, nodes, services and networks set side by side; pure, for text and JSON alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Network, Stack
from swarmkit.observed.model import STACK_LABEL, ClusterState, NetworkState, Node, Observed, network_targets
from swarmkit.observed.set_aside import states_aside
from swarmkit.plan.nodes.absent import absent_nodes
from swarmkit.plan.nodes.returning import earlier_nodes
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.report.status_services import ServiceRow, service_rows


@dataclass(frozen=True)
class NodeRow:
    """A node, or a host of the inventory that is none."""

    name: str
    role: str
    is_leader: bool
    reachability: str
    state: str
    availability: str
    address: str
    labels: Mapping[str, str]
    engine: str
    in_inventory: bool = True
    is_absent: bool = False
    """Whether the inventory has its host absent: the next `up` has it leave."""
    earlier_of: str = ""
    """The host that it was, which is another node by now, or none."""


@dataclass(frozen=True)
class NetworkRow:
    name: str
    driver: str
    encrypted: bool
    """Whether it was made with the option ``encrypted``; that traffic is encrypted is what verify proves."""
    declared_encrypted: bool | None
    """None when the stack does not declare it."""


@dataclass(frozen=True)
class AsideRow:
    """A swarm's state that a restore, or its undoing, has moved aside on a host."""

    host: str
    folder: str
    cluster_id: str
    bytes: int


@dataclass(frozen=True)
class StatusView:
    cluster: str
    """Name of the cluster in the inventory."""
    error: str
    """Why there is nothing to tell of a swarm; empty when there is one."""
    nodes: tuple[NodeRow, ...]
    services: tuple[ServiceRow, ...] = ()
    networks: tuple[NetworkRow, ...] = ()
    set_aside: tuple[AsideRow, ...] = ()


def status_view(inventory: Inventory, observed: Observed, stack: Stack | None, only: str = "") -> StatusView:
    """Return what *observed* tells, by the inventory's names; with a *stack*, or the name of *only* one, its services
    and networks alone."""
    only = stack.name if stack else only
    cluster = observed.cluster
    if cluster is None:
        error = observed.cluster_error or "no host is a manager of a swarm"
        bare = tuple(_no_node(host, observed) for host in inventory.hosts)
        return StatusView(inventory.cluster, error, bare, set_aside=_aside(observed))
    names = {facts.engine.node_id: name for name, facts in observed.hosts.items() if facts.engine.node_id}
    names |= silent_nodes(inventory, observed, cluster)
    return StatusView(
        inventory.cluster,
        "",
        _nodes(inventory, observed, cluster, names),
        service_rows(inventory, cluster, stack, names, _tags(observed), only),
        _networks(cluster, stack, only),
        _aside(observed),
    )


def _aside(observed: Observed) -> tuple[AsideRow, ...]:
    states = states_aside(observed.set_aside)
    return tuple(AsideRow(name, one.folder, one.cluster_id, one.bytes) for name in states for one in states[name])


def _nodes(
    inventory: Inventory, observed: Observed, cluster: ClusterState, names: Mapping[str, str]
) -> tuple[NodeRow, ...]:
    by_name = {names[node.id]: node for node in cluster.nodes if node.id in names}
    rows = [
        _node(by_name[host.name], host.name) if host.name in by_name else _no_node(host, observed)
        for host in inventory.hosts
    ]
    strangers = [node for node in cluster.nodes if node.id not in names]
    absent = absent_nodes(inventory, observed)
    shown = (_node(node, node.hostname, in_inventory=False) for node in strangers)
    earlier = earlier_nodes(inventory, observed)
    return (
        *rows,
        *(
            replace(row, is_absent=node.id in absent, earlier_of=earlier.get(node.id, ""))
            for row, node in zip(shown, strangers, strict=True)
        ),
    )


def _node(node: Node, name: str, *, in_inventory: bool = True) -> NodeRow:
    return NodeRow(
        name=name,
        role=node.role,
        is_leader=node.is_leader,
        reachability=node.reachability,
        state=node.state,
        availability=node.availability,
        address=node.address,
        labels=dict(node.labels),
        engine=node.engine_version,
        in_inventory=in_inventory,
    )


def _no_node(host: Host, observed: Observed) -> NodeRow:
    facts = observed.hosts.get(host.name)
    state = "not reached"
    if facts:
        state = "not in a swarm" if facts.engine.swarm_state == "inactive" else f"swarm {facts.engine.swarm_state}"
    engine = facts.engine.version if facts else ""
    return NodeRow(host.name, host.role, is_leader=False, reachability="", state=state, availability="",
                   address=host.address, labels={}, engine=engine)  # fmt: skip


def _tags(observed: Observed) -> dict[str, str]:
    """Return image ID -> first tag, of any host."""
    images = [item for facts in observed.hosts.values() for item in facts.engine.images.items()]
    return {identity: sorted(tags)[0] for identity, tags in images if tags}


def _networks(cluster: ClusterState, stack: Stack | None, only: str) -> tuple[NetworkRow, ...]:
    declared = {network.name: network for network in stack.networks} if stack else {}
    count = Counter(network.name for network in cluster.networks)
    services = [service for service in cluster.services if service.stack == only]
    used = set[str]().union(*(network_targets(service.spec) for service in services))
    shown = [
        network
        for network in cluster.networks
        if network.scope == "swarm"
        and (
            not only
            or network.declared_name in declared
            or network.raw.get("Ingress")
            # Without a file: what is the stack's own, and what its services are on.
            or (stack is None and (network.labels.get(STACK_LABEL) == only or {network.id, network.name} & used))
        )
    ]
    return tuple(_network(network, declared.get(network.declared_name), count) for network in shown)


def _network(network: NetworkState, declared: Network | None, count: Mapping[str, int]) -> NetworkRow:
    name = network.name if count[network.name] == 1 else f"{network.name} ({network.id[:12]})"
    wanted = None
    if declared is not None and not declared.external:
        wanted = declared.encrypted or (declared.driver == "overlay" and declared.plaintext_reason is None)
    return NetworkRow(name, network.driver, network.encrypted, wanted)
