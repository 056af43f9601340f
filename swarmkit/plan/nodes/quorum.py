"""Counting managers: what a swarm needs to decide anything, before and after each step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import Node


@dataclass(frozen=True)
class Quorum:
    managers: int
    reachable: int

    @property
    def needed(self) -> int:
        return self.managers // 2 + 1

    @property
    def holds(self) -> bool:
        return self.managers > 0 and self.reachable >= self.needed

    def plus(self, joined: int) -> Quorum:
        return Quorum(self.managers + joined, self.reachable + joined)

    def without(self, node: Node) -> Quorum:
        return Quorum(self.managers - 1, self.reachable - (node.reachability == "reachable"))

    def __str__(self) -> str:
        return f"{self.reachable} of {self.managers} managers reachable, {self.needed} needed"


def quorum_of(nodes: Iterable[Node]) -> Quorum:
    """Return the quorum as it is; a manager is a member of the raft, whatever its spec asks for."""
    members = [node for node in nodes if node.reachability]
    return Quorum(len(members), sum(node.reachability == "reachable" for node in members))


def the_node(nodes: Iterable[Node], node_id: str, host: str) -> Node:
    """Return the node of *host*; raises SwarmkitError where somebody has removed it since the plan was made."""
    for node in nodes:
        if node.id == node_id:
            return node
    why = f"node {node_id[:12]} has been removed since the plan was made"
    raise SwarmkitError(f"{host}: its node is no more in the swarm", why, "run the same again: it plans anew")
