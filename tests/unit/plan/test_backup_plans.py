from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.host import Host, Inventory
from swarmkit.observed.model import Observed, TaskState
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.backup_plans import Backup, backup_plan, restore_plan
from swarmkit.plan.planner import Declared
from swarmkit.secret import Secret

HOSTS = (
    *(Host(name, f"10.88.0.{11 + n}", "manager") for n, name in enumerate("ABC")),
    Host("D", "10.88.0.14", "worker"),
)
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
BACKUP = Backup("prod", "c1", "A", "10.88.0.11", "0.1", "2026-11-24T10:00:00+00:00", b"state", Secret(b""))


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def with_tasks(observed: Observed, counts: dict[str, int]) -> Observed:
    assert observed.cluster
    tasks = tuple(
        TaskState(
            f"{name}{n}", "s", observed.hosts[name].engine.node_id, n, "running", "running", "", "", "", {}, 1, "", ""
        )
        for name, count in counts.items()
        for n in range(count)
    )
    return replace(observed, cluster=replace(observed.cluster, tasks=tasks))


def test_the_manager_whose_absence_costs_least_is_stopped(made: FakeFleet) -> None:
    observed = with_tasks(observe(made, kernel="never"), {"A": 1, "B": 2, "C": 1})
    (operation,) = backup_plan(INVENTORY, observed, lambda _: None).operations
    assert operation.step.target == "C"
    assert "1 tasks on it stop and start again" in operation.step.reason


def test_no_manager_is_stopped_where_that_would_lose_the_quorum(made: FakeFleet) -> None:
    observed = observe(made, kernel="never")
    assert observed.cluster
    lost = observed.hosts["B"].engine.node_id
    nodes = tuple(
        replace(node, reachability="unreachable") if node.id == lost else node for node in observed.cluster.nodes
    )
    plan = backup_plan(INVENTORY, replace(observed, cluster=replace(observed.cluster, nodes=nodes)), lambda _: None)
    assert not plan.operations
    assert "2 of 3 managers reachable" in plan.refusals[0].what


@pytest.fixture
def bare() -> Observed:
    return observe(fake_fleet(INVENTORY), kernel="never")


def restored(
    observed: Observed,
    backup: Backup = BACKUP,
    raft: dict[str, RaftFacts] | None = None,
    silent: str = "",
    lost: str = "",
) -> list[str]:
    hosts = {name: facts for name, facts in observed.hosts.items() if name not in silent}
    plan = restore_plan(
        INVENTORY,
        backup,
        Observed(hosts, None),
        raft or {},
        dict.fromkeys(silent, "cannot be reached"),
        lost=lost,
        aside="swarm.before-restore",
    )
    return [f"{finding.where}: {finding.what}" for finding in plan.refusals] or [
        operation.step.key for operation in plan.operations
    ]


def test_a_bare_host_takes_the_state_and_goes_on_alone(bare: Observed) -> None:
    assert restored(bare) == ["swarm:init:state", "swarm:init", "recover:old-managers"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cluster": "test"}, "swarm: the backup is of cluster 'test', not of 'prod'"),
        ({"host": "Z"}, "Z: the backup is of this host, which is not in the inventory"),
        ({"advertise_addr": "10.9.9.9"}, "A: the backup's address 10.9.9.9 is not configured on the host"),
        ({"engine_version": "99.0"}, "A: its engine is older than the one the backup is of"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(bare: Observed, changes: dict[str, str], why: str) -> None:
    assert restored(bare, replace(BACKUP, **changes)) == [why]  # type: ignore[arg-type]


def test_nothing_is_restored_while_a_manager_may_live(bare: Observed, made: FakeFleet) -> None:
    assert restored(bare, raft={"B": RaftFacts("c1")}) == ["B: is a manager that lives"]
    assert restored(bare, raft={"B": RaftFacts("c2")}) == ["B: is a manager of another swarm"]
    assert restored(bare, silent="BC", lost="B") == ["C: does not answer, and may be a manager that lives"]
    assert restored(bare, silent="BC", lost="BC")[0] == "swarm:init:state"
    assert restored(bare, silent="A", lost="A") == ["A: the backup is of this host, and it does not answer"]
    assert restored(observe(made, kernel="never")) == ["A: its swarm state is active"]
