"""Proofs of nodes: each host is one ready node as declared, and the managers can decide; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, HostFacts, Node, Observed
from swarmkit.plan.engines.remedies import containerd_back
from swarmkit.plan.nodes.advertised import known_otherwise, made_known
from swarmkit.plan.nodes.quorum import quorum_of
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.verify import codes
from swarmkit.verify.silence import NONE, Silence, first_of


def prove_nodes(
    inventory: Inventory,
    cluster: ClusterState,
    observed: Observed,
    silence: Silence = NONE,
    returning: Collection[str] = (),
) -> Iterator[Finding]:
    """Prove that each host is one ready node as declared; one that does not answer is so by their word alone.

    *returning* are hosts that are in no swarm, while a node that they were is listed.
    """
    node_ids = {name: facts.engine.node_id for name, facts in observed.hosts.items()}
    unread = {name: node_id for node_id, name in silent_nodes(inventory, observed, cluster).items()}
    for host in inventory.hosts:
        node = cluster.node(node_ids.get(host.name, "") or unread.get(host.name, ""))
        if node is None and host.name not in observed.hosts:
            what = f"no manager tells of a node {host.name}, and it does not answer"
            yield silence.following(Finding(codes.NODE, "error", host.name, what))
            continue
        twins = [name for name, node_id in node_ids.items() if node and node_id == node.id and name != host.name]
        facts = observed.hosts.get(host.name)
        found = _no_node(host.name, returning) if node is None else _node(host, node, twins, facts)
        if facts and not facts.engine.has_containerd:
            found = _no_containerd(host.name, found)
        if found.severity == "ok" and host.name in silence.hosts:
            what = f"that {found.what} is the managers' word alone: it could not be looked at"
            found = replace(found, severity="error", what=what)
        is_silent = found.severity == "error" and host.name in silence.hosts
        yield silence.following(found) if is_silent else found


def _no_node(host: str, returning: Collection[str]) -> Finding:
    what, remedy = f"{host} is no node of the cluster", "join it: swarmkit up"
    if host in returning:
        # An up lets it join too, and leaves the entry of before.
        remedy = f"let it take its place again: swarmkit node replace {host}"
    return Finding(codes.NODE, "error", host, what, remedy=remedy)


def _no_containerd(host: str, found: Finding) -> Finding:
    """Return what is wrong with a node that the managers take for ready; *found* says what else is."""
    what = f"{host} starts no task, and of one that ends the managers are not told: its engine has no containerd"
    what = f"{what}; {found.what}" if found.severity == "error" else what
    return replace(found, severity="error", what=what, remedy=containerd_back(host))


def _node(host: Host, node: Node, twins: list[str], facts: HostFacts | None) -> Finding:
    wrong = _differences(host, node)
    remedy = _remedy(host, node)
    if facts and (known := known_otherwise(host, facts)):
        remedy = remedy if wrong else made_known(host, facts)
        wrong.append(f"address is {known}, declared is {host.advertise_addr}")
    if twins:
        wrong.append(f"{', '.join(twins)} shows the same node ID {node.id}: cloned machines")
    if wrong:
        return Finding(
            codes.NODE,
            "error",
            host.name,
            f"{host.name} is not the node that is declared: {'; '.join(wrong)}",
            evidence=f"node {node.id} ({node.hostname}), told by the manager",
            remedy=remedy,
        )
    return Finding(
        codes.NODE,
        "ok",
        host.name,
        f"{host.name} is a ready {node.role}, {node.availability}",
        evidence=f"node {node.id} ({node.hostname}) at {node.address}",
    )


def _remedy(host: Host, node: Node) -> str:
    if node.state == "ready":
        return "swarmkit up"
    restart = f"on {host.name}: systemctl restart docker"
    if node.state == "unknown":
        # A new leader knows nothing of a node until it hears from it; another restart then may cost the quorum
        # (moby swarmkit manager/dispatcher/dispatcher.go, markNodesUnknown).
        return (
            f"a leader elected a moment ago has not heard from it yet: verify again in a minute; if it stays, {restart}"
        )
    return restart


def _differences(host: Host, node: Node) -> list[str]:
    wrong = [
        f"{what} is {actual}, declared is {declared}"
        for what, actual, declared in (
            ("state", node.state, "ready"),
            ("role", node.role, host.role),
            ("availability", node.availability, host.availability),
        )
        if actual != declared
    ]
    if node.role == "manager" and node.reachability != "reachable":
        wrong.append(f"as a manager it is {node.reachability or 'of unknown reachability'}")
    for key, value in host.labels.items():
        if node.labels.get(key) != value:
            wrong.append(f"label {key} is {node.labels.get(key, 'not there')}, declared is {value}")
    return wrong


def prove_quorum(
    cluster: ClusterState, observed: Observed, unheard: Mapping[str, str] = MappingProxyType({})
) -> Finding:
    """Tell how many managers may be lost before the swarm can decide nothing any more.

    *unheard*: node ID -> host of those that do not answer: what is told of these managers follows from that.
    """
    quorum = quorum_of(cluster.nodes)
    members = [node for node in cluster.nodes if node.reachability]
    silent = sorted(node.hostname for node in members if node.reachability != "reachable")
    mute = [unheard[node.id] for node in members if node.id in unheard]
    spare = quorum.reachable - quorum.needed
    margin = f"{spare} more may be lost" if spare > 0 else "none may be lost"
    leader = next((node.hostname for node in members if node.is_leader), "nobody")
    if silent:
        finding = Finding(
            codes.QUORUM,
            "warning",
            "managers",
            f"{', '.join(silent)} of {quorum.managers} managers cannot be reached: {margin}",
            evidence=f"{quorum}; {leader} leads",
            remedy=_bring_back(silent[0], members, observed),
        )
        is_known = all(node.id in unheard for node in members if node.reachability != "reachable")
        remedy = f"{first_of(mute)}; for good: swarmkit recover quorum"
        return replace(finding, remedy=remedy, follows_from=codes.HOST) if is_known else finding
    if mute:
        what = (
            f"that all {quorum.managers} managers answer is their word alone, and {', '.join(mute)} was not looked at"
        )
        evidence = f"{quorum}; {leader} leads"
        return Finding(codes.QUORUM, "warning", "managers", what, evidence, first_of(mute), follows_from=codes.HOST)
    what = f"all {quorum.managers} managers answer" if quorum.managers > 1 else "the only manager answers"
    what = f"{what}: {margin}"
    return Finding(codes.QUORUM, "ok", "managers", what, evidence=f"{quorum}; {leader} leads")


def _bring_back(hostname: str, managers: Sequence[Node], observed: Observed) -> str:
    """Return how a manager that cannot be reached comes back; one whose state was wiped never does by itself."""
    if {node.state for node in managers if node.hostname == hostname} == {"down", "ready"}:
        return f"its host has joined anew: swarmkit node replace {hostname}"
    for name, facts in observed.hosts.items():
        if facts.system.hostname == hostname and facts.engine.swarm_state == "inactive":
            return f"its host is in no swarm any more: swarmkit node replace {name}"
    return f"on {hostname}: systemctl start docker; for good: swarmkit recover quorum"
