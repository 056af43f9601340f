"""A join whose first certificate came too late leaves an entry that nobody is."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.plan.declaration import Declared
from swarmkit.plan.nodes import swarm_operations, unfinished_joins
from swarmkit.reach.engine import EngineError

DECLARED = Declared(
    Inventory(Path("i.yaml"), "prod", (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker")))
)
ENTRY = "entryofnobody123456789012"


def with_an_entry_of_nobody(fleet: FakeFleet) -> None:
    """Leave what a manager keeps of an engine that got a certificate and never came with it."""
    fleet.cluster.add_node(ENTRY, "", "", "worker", "active", "")
    fleet.cluster.nodes[ENTRY]["Status"] = {"State": "unknown"}


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> FakeFleet:
    monkeypatch.setattr(unfinished_joins, "PATIENCE_SECONDS", 0.5)
    fleet = fake_fleet(DECLARED.inventory)
    run_once(fleet, DECLARED)
    with_an_entry_of_nobody(fleet)
    return fleet


def test_the_entry_of_a_join_that_never_ended_is_removed(joined: FakeFleet) -> None:
    plan, applied = run_once(joined, DECLARED)
    assert [(op.step.key, op.step.summary) for op in plan.operations] == [
        (f"forget:{ENTRY}", "remove the entry of a join that never ended")
    ]
    assert plan.warnings == ()
    assert applied.failed == ()
    assert ENTRY not in joined.cluster.nodes
    assert plan_on(joined, DECLARED).is_empty


def test_an_entry_that_becomes_a_node_meanwhile_stays_one(joined: FakeFleet) -> None:
    def arrive() -> None:
        time.sleep(0.1)
        joined.cluster.nodes[ENTRY]["Description"]["Hostname"] = "late"
        joined.cluster.nodes[ENTRY]["Status"] = {"State": "ready"}

    arriving = threading.Thread(target=arrive)
    arriving.start()
    run_once(joined, DECLARED)
    arriving.join()
    assert ENTRY in joined.cluster.nodes


def test_a_join_that_took_long_takes_its_other_entries_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished_joins, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(swarm_operations, "CERTIFICATE_SECONDS", -1.0)
    fleet = fake_fleet(DECLARED.inventory)
    join = fleet.engine("B").join_swarm

    def slow(body: dict[str, object]) -> None:
        with_an_entry_of_nobody(fleet)
        join(body)

    monkeypatch.setattr(fleet.engine("B"), "join_swarm", slow)
    run_once(fleet, DECLARED)
    assert len(fleet.cluster.nodes) == 2
    assert plan_on(fleet, DECLARED).is_empty


@pytest.mark.parametrize(
    "message",
    [
        'x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure")',
        "remote CA does not match fingerprint. Expected: 0123",
    ],
)
def test_a_join_refused_as_the_swarm_s_root_changed_under_it_is_made_with_the_new_token(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    monkeypatch.setattr(unfinished_joins, "PATIENCE_SECONDS", 0.1)
    fleet = fake_fleet(DECLARED.inventory)
    join, tokens = fleet.engine("B").join_swarm, []

    def refused_once(body: dict[str, object]) -> None:
        tokens.append(body["JoinToken"])
        if len(tokens) == 1:
            with_an_entry_of_nobody(fleet)
            fleet.cluster.rotate(fleet.cluster.spec, ["WorkerToken"])
            raise EngineError("B", "POST /swarm/join", 500, message)
        join(body)

    monkeypatch.setattr(fleet.engine("B"), "join_swarm", refused_once)
    _, applied = run_once(fleet, DECLARED)
    assert applied.failed == ()
    assert len(set(tokens)) == 2
    assert len(fleet.cluster.nodes) == 2


def test_a_join_that_is_refused_for_another_reason_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, asked = fake_fleet(DECLARED.inventory), []

    def refused(body: dict[str, object]) -> None:
        asked.append(body)
        raise EngineError("B", "POST /swarm/join", 500, "invalid join token")

    monkeypatch.setattr(fleet.engine("B"), "join_swarm", refused)
    _, applied = run_once(fleet, DECLARED)
    assert [failed.step.target for failed in applied.failed] == ["B"]
    assert len(asked) == 1
