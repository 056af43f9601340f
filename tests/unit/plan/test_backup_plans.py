from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.model import Observed, ServiceState, TaskState
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.states.backup_plans import Taking, backup_plan

HOSTS = (
    *(Host(name, f"10.88.0.{11 + n}", "manager") for n, name in enumerate("ABC")),
    Host("D", "10.88.0.14", "worker"),
)
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
TAKING = Taking(lambda _: nullcontext(lambda _: None), lambda _: None, lambda _: None)


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def with_tasks(observed: Observed, counts: dict[str, int]) -> Observed:
    assert observed.cluster
    tasks = tuple(
        TaskState(
            f"{name}{n}", "s", observed.hosts[name].engine.node_id, n, "running", "running", "", "", "", {}, "", ""
        )
        for name, count in counts.items()
        for n in range(count)
    )
    return replace(observed, cluster=replace(observed.cluster, tasks=tasks))


def test_the_manager_whose_absence_costs_least_is_stopped(made: FakeFleet) -> None:
    observed = with_tasks(observe(made, kernel="never"), {"A": 1, "B": 2, "C": 1})
    (operation,) = backup_plan(INVENTORY, None, observed, TAKING).operations
    assert operation.step.target == "C"
    assert operation.step.reason.endswith("; these on it stop, within 10 s, and start again: s")


def test_a_manager_with_a_database_is_stopped_last(made: FakeFleet) -> None:
    observed = with_tasks(observe(made, kernel="never"), {"A": 2, "B": 2, "C": 1})
    assert observed.cluster
    mounts = {"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/d"}]}}}
    tasks = tuple(
        replace(task, service_id="database" if task.id == "C0" else "page") for task in observed.cluster.tasks
    )
    services = (ServiceState("database", 1, "database", {}, mounts),)
    cluster = replace(observed.cluster, tasks=tasks, services=services)
    (operation,) = backup_plan(INVENTORY, None, replace(observed, cluster=cluster), TAKING).operations
    assert operation.step.target == "B"


def test_data_that_stays_behind_when_the_stop_moves_its_service_is_said_before(made: FakeFleet) -> None:
    observed = with_tasks(observe(made, kernel="never"), {"A": 1, "B": 1, "C": 1})
    assert observed.cluster
    spec = {"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Type": "volume", "Source": "data", "Target": "/d"}]}}}

    def warned(constraint: str) -> list[tuple[str, str]]:
        placed = {"TaskTemplate": {**spec["TaskTemplate"], "Placement": {"Constraints": [constraint]}}}
        assert observed.cluster
        cluster = replace(observed.cluster, services=(ServiceState("s", 1, "git", {}, placed),))
        plan = backup_plan(INVENTORY, None, replace(observed, cluster=cluster), TAKING)
        (stops,) = plan.operations
        return [(one.where, stops.step.target) for one in plan.warnings if "service git may start on" in one.what]

    ((where, stopped),) = warned("node.role == manager")
    assert where == stopped
    assert not warned(f"node.hostname == host-{stopped.lower()}")


def test_of_two_managers_one_is_stopped_and_the_pause_is_told(made: FakeFleet) -> None:
    """Two need both: to wait for a third would be to have no backup at all."""
    observed = observe(made, kernel="never")
    assert observed.cluster
    third = observed.hosts["C"]
    hosts = {**observed.hosts, "C": replace(third, engine=replace(third.engine, is_manager=False))}
    id_ = third.engine.node_id
    nodes = tuple(replace(node, reachability="") if node.id == id_ else node for node in observed.cluster.nodes)
    plan = backup_plan(INVENTORY, None, Observed(hosts, replace(observed.cluster, nodes=nodes)), TAKING)
    assert [operation.step.target for operation in plan.operations] in (["A"], ["B"])
    assert plan.operations[0].step.reason.endswith("no manager takes requests meanwhile")


def test_no_manager_is_stopped_where_that_would_lose_the_quorum(made: FakeFleet) -> None:
    observed = observe(made, kernel="never")
    assert observed.cluster
    lost = observed.hosts["B"].engine.node_id
    nodes = tuple(
        replace(node, reachability="unreachable") if node.id == lost else node for node in observed.cluster.nodes
    )
    plan = backup_plan(INVENTORY, None, replace(observed, cluster=replace(observed.cluster, nodes=nodes)), TAKING)
    assert not plan.operations
    assert "2 of 3 managers reachable" in plan.refusals[0].what


def test_volumes_that_the_given_file_does_not_have_are_named_by_a_warning(made: FakeFleet, tmp_path: Path) -> None:
    observed = observe(made, kernel="never")
    assert observed.cluster
    (tmp_path / "s.yaml").write_text("services: {db: {image: i, volumes: ['own:/d']}}\nvolumes: {own: }\n")
    stack = load_stack(tmp_path / "s.yaml", name="s", environment={})
    names = {"s_db": ["s_own"], "notes_a": ["notes_data"], "notes_b": ["notes_data", "notes_log"]}
    services = tuple(
        ServiceState(name, 1, name, {"com.docker.stack.namespace": name[0]}, {"TaskTemplate": {"ContainerSpec": {
            "Image": "i", "Mounts": [{"Type": "volume", "Source": one, "Target": "/d"} for one in volumes]
            + [{"Type": "volume", "Target": "/unnamed"}, {"Type": "bind", "Source": "/etc", "Target": "/e"}],
        }}})
        for name, volumes in names.items()
    )  # fmt: skip
    cluster = replace(observed.cluster, services=services)
    plan = backup_plan(INVENTORY, stack, replace(observed, cluster=cluster), TAKING)
    assert [warning.what for warning in plan.warnings if warning.where == "volumes"] == [
        "not in the backup: s_own",
        "not in the backup: notes_data (of notes_a, notes_b), notes_log (of notes_b)",
    ]


def test_services_that_are_in_no_file_of_the_backup_are_named_by_a_warning(made: FakeFleet) -> None:
    observed = observe(made, kernel="never")
    assert observed.cluster

    def warned(*services: ServiceState) -> list[str]:
        assert observed.cluster
        cluster = replace(observed.cluster, services=services)
        plan = backup_plan(INVENTORY, None, replace(observed, cluster=cluster), TAKING)
        assert plan.operations
        return [warning.what for warning in plan.warnings if warning.where == "services"]

    spec = {"TaskTemplate": {"ContainerSpec": {"Image": "i"}}}
    page = ServiceState("1", 1, "shop_page", {"com.docker.stack.namespace": "shop"}, spec)
    assert warned(page) == []
    lone, other = (ServiceState(name, 1, name, {}, spec) for name in ("lone", "another"))
    assert warned(page, lone, other) == ["in no stack file of the backup: another, lone"]
