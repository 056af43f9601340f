"""The managers that a forced new cluster left behind, by the entries that it has of them; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from swarmkit.observed.model import HostFacts, Node


def no_members(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes that are managers by their entry and no members of the raft."""
    return [node for node in nodes if node.role == "manager" and not node.reachability]


def left_by_force(nodes: Collection[Node], managers: Collection[str]) -> list[Node]:
    """Return those of them that a recovery left which was cut off after its force, where there is a sign of that.

    The sign is one of them that answers among the *managers*, by node id: it is in another raft then. Who is about to
    become a manager is there, and none yet. With that sign those that are away were left too.
    """
    if not any(node.id in managers for node in no_members(nodes)):
        return []
    away = {node.id for node in away_and_no_members(nodes)}
    return [node for node in no_members(nodes) if node.id in managers or node.id in away]


def away_and_no_members(nodes: Iterable[Node]) -> list[Node]:
    """Return those of them that are away: left by a recovery, or workers that were promoted and are down since or then.

    One that asked twice for a certificate leaves an entry without a name.
    """
    # To a leader that was elected just now everybody is unknown; after half a minute without a word, down.
    return [
        node for node in no_members(nodes) if node.state == "down" or (node.state == "unknown" and bool(node.hostname))
    ]


def answering_managers(hosts: Mapping[str, HostFacts]) -> frozenset[str]:
    """Return the node ids of the managers that answer and are members of a raft, whichever that is."""
    return frozenset(facts.engine.node_id for facts in hosts.values() if facts.engine.is_manager)
