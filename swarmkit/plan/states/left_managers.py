"""Which entries of managers a recovery left behind that was cut off after its force; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.observed.left_by_force import answering_managers, away_and_no_members, left_by_force
from swarmkit.observed.model import ClusterState, Node
from swarmkit.plan.states.survey import Survey


@dataclass(frozen=True)
class LeftManagers:
    nodes: frozenset[str]
    """The ids of their entries."""
    refusals: tuple[Finding, ...] = ()
    """Of those that may be left as well, or workers that were promoted while they were down: the operator knows."""


def left_managers(survey: Survey, cluster: ClusterState, lost: Collection[str]) -> LeftManagers:
    """Return what a recovery left in *cluster*, by its signs or as the operator says who names the managers *lost*."""
    if sure := left_by_force(cluster.nodes, answering_managers(survey.observed.hosts)):
        return LeftManagers(frozenset(node.id for node in sure))
    away = away_and_no_members(cluster.nodes)
    named = frozenset(node.id for node in away if _name(survey, node) in lost)
    # A force leaves one member; of several, nothing tells of a recovery.
    may_be = bool(named) or sum(bool(node.reachability) for node in cluster.nodes) == 1
    unsure = [node for node in away if node.id not in named] if may_be else []
    return LeftManagers(named, tuple(_refusals(survey, cluster, unsure)))


def _refusals(survey: Survey, cluster: ClusterState, unsure: list[Node]) -> Iterator[Finding]:
    declared = {host.name for host in survey.inventory.hosts}
    for node in unsure:
        name = _name(survey, node)
        back = "" if name in declared else f"put {name} back into the inventory, then "
        yield Finding(
            "H54", "error", name, "is a manager by its entry, no member of the raft, and away",
            "a recovery that was cut off after its force leaves that, as does a worker that was promoted while down",
            f"if a recovery was cut off, end it: {back}swarmkit recover quorum --lost {name}; "
            f"else on {cluster.told_by}: docker node rm --force {node.id}",
        )  # fmt: skip


def _name(survey: Survey, node: Node) -> str:
    """Return what the inventory calls the host of *node*; one that it has not, what the managers call it."""
    for host in survey.inventory.hosts:
        facts = survey.observed.hosts.get(host.name)
        is_it = facts is not None and facts.engine.node_id == node.id
        if is_it or node.address in (host.advertise_addr, host.address) or node.hostname == host.name:
            return host.name
    return node.hostname
