"""A manager that a killed backup has just started: its engine answers, and the swarm does not see it for a moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from unit.plan.test_undo_plan import a_swarm

from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.workflows.backup import all_managers_seen


def seen_as(reachability: str, *, node_id: str | None = None) -> Observed:
    """Return the swarm whose manager A is seen so; its engine may tell another id of its node."""
    observed = observe(a_swarm(), kernel="never")
    assert observed.cluster
    nodes = tuple(replace(node, reachability=reachability) if node.role == "manager" else node
                  for node in observed.cluster.nodes)  # fmt: skip
    facts = observed.hosts["A"]
    engine = facts.engine if node_id is None else replace(facts.engine, node_id=node_id)
    hosts = {**observed.hosts, "A": replace(facts, engine=engine)}
    return replace(observed, hosts=hosts, cluster=replace(observed.cluster, nodes=nodes))


@pytest.mark.parametrize(
    ("reachability", "node_id", "seen"),
    [("reachable", None, True), ("unreachable", None, False), ("unknown", "", False), ("unreachable", "gone", True)],
)
def test_a_manager_that_answers_is_waited_for_and_no_other(reachability: str, node_id: str | None, seen: bool) -> None:
    assert all_managers_seen(seen_as(reachability, node_id=node_id)) is seen


def test_a_swarm_that_nobody_tells_of_is_not_waited_for() -> None:
    assert all_managers_seen(replace(seen_as("unreachable"), cluster=None))
