from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import NotConvergedError
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.nodes import operations
from swarmkit.plan.nodes.plans import activate_plan, drain_plan, lost_data, replace_plan
from swarmkit.plan.planner import make_plan
from swarmkit.plan.progress import Silent

HOSTS = (
    Host("A", "10.88.0.11", "manager"),
    Host("B", "10.88.0.12", "manager", labels={"role": "back"}),
    Host("C", "10.88.0.13", "manager"),
    Host("D", "10.88.0.14", "worker", labels={"role": "data"}),
)
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
A, B, C, D = HOSTS


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


def service(name: str, constraint: str = "", volume: str = "") -> dict[str, object]:
    container: dict[str, object] = {"Image": "absent.example/none:1"}
    if volume:
        container["Mounts"] = [{"Type": "volume", "Source": volume, "Target": "/data"}]
    template: dict[str, object] = {"ContainerSpec": container}
    if constraint:
        template["Placement"] = {"Constraints": [constraint]}
    return {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 1}}}


def run(fleet: FakeFleet, plan: Plan) -> dict[str, str]:
    waited: list[str] = []
    context = Context(fleet, Silent(), "A", lambda name, _: waited.append(name) or name)  # type: ignore[func-returns-value]
    return {key: outcome.status for key, outcome in apply(plan, context).outcomes.items()}


def availability(fleet: FakeFleet, name: str) -> str:
    node = fleet.cluster.nodes[fleet.engine(name).node_id]
    return str(node["Spec"]["Availability"])


def test_a_drained_node_is_empty_and_an_active_one_takes_tasks_again(made: FakeFleet) -> None:
    assert set(run(made, drain_plan(INVENTORY, D, observe(made, kernel="never"))).values()) == {"done"}
    assert availability(made, "D") == "drain"
    assert drain_plan(INVENTORY, D, observe(made, kernel="never")).is_empty
    run(made, activate_plan(INVENTORY, D, observe(made, kernel="never")))
    assert availability(made, "D") == "active"
    assert activate_plan(INVENTORY, D, observe(made, kernel="never")).is_empty


def test_what_stops_because_it_may_run_nowhere_else_is_said_before(made: FakeFleet) -> None:
    made.engine("A").create("services", service("db", "node.labels.role == data"))
    plan = drain_plan(INVENTORY, D, observe(made, kernel="never"))
    assert (plan.warnings[0].code, plan.warnings[0].what) == ("B35", "service db may run nowhere else: it stops")
    assert plan.warnings[0].evidence == "no other node that is ready and active has node.labels.role == data"
    assert plan.warnings[0].remedy.endswith("swarmkit node activate D")


def test_data_that_stays_behind_when_its_service_moves_is_said_before(made: FakeFleet) -> None:
    made.engine("A").create("services", service("git", "node.hostname != host-a", "git-data"))
    (task,) = made.cluster.tasks.values()
    ran_on = next(host for host in HOSTS if made.engine(host.name).node_id == task["NodeID"])
    (warned,) = [one for one in drain_plan(INVENTORY, ran_on, observe(made, kernel="never")).warnings
                 if "its data stays behind" in one.what]  # fmt: skip
    assert (warned.code, warned.where) == ("H52", ran_on.name)
    assert warned.evidence.startswith("volume git-data;")
    # What is pinned stops, and comes back to its data.
    assert "git" not in " ".join(one.what for one in drain_plan(INVENTORY, A, observe(made, kernel="never")).warnings)


def wiped(fleet: FakeFleet, name: str) -> FakeFleet:
    fleet.engine(name).leave_swarm(force=True)
    return fleet


def replacing(
    fleet: FakeFleet, host: Host, *, accept_data_loss: bool = False, inventory: Inventory = INVENTORY
) -> Plan:
    observed = observe(fleet, kernel="always")
    volumes = fleet.engine(host.name).volumes
    return replace_plan(inventory, host, observed, volumes=volumes, accept_data_loss=accept_data_loss)


def test_a_wiped_manager_takes_its_place_and_its_old_entry_goes_last(made: FakeFleet) -> None:
    old = made.engine("B").node_id
    plan = replacing(wiped(made, "B"), B)
    keys = [operation.step.key for operation in plan.operations]
    assert keys == [f"vacate:{old}", "join", "node", "ready", f"remove:{old}"]
    assert set(run(made, plan).values()) == {"done"}
    assert old not in made.cluster.nodes
    assert made.engine("B").is_manager
    assert replacing(made, B).is_empty


def test_labels_that_only_the_old_node_had_are_restored(made: FakeFleet) -> None:
    made.cluster.nodes[made.engine("D").node_id]["Spec"]["Labels"]["rack"] = "7"
    run(made, replacing(wiped(made, "D"), D))
    assert made.cluster.nodes[made.engine("D").node_id]["Spec"]["Labels"] == {"role": "data", "rack": "7"}


def test_a_service_whose_volume_is_gone_stops_for_a_decision(made: FakeFleet) -> None:
    made.engine("A").create("services", service("db", "node.labels.role == data", "db-data"))
    plan = replacing(wiped(made, "D"), D)
    assert [(one.code, one.evidence) for one in plan.refusals] == [("H52", "no volume db-data on the host")]
    assert not replacing(made, D, accept_data_loss=True).refusals
    made.engine("D").create("volumes", {"Name": "db-data"})
    assert not replacing(made, D).refusals


def test_an_up_stops_for_the_same_decision_when_the_host_would_join_anew(made: FakeFleet) -> None:
    made.engine("A").create("services", service("db", "node.labels.role == data", "db-data"))
    wiped(made, "D")

    def planned(*volumes: str, overridden: tuple[str, ...] = ()) -> Plan:
        observed = observe(made, kernel="always")
        found = list(lost_data(INVENTORY, observed, {"D": volumes}))
        return make_plan(Declared(INVENTORY, overridden=frozenset(overridden)), observed, found)

    assert [finding.code for finding in planned("other").refusals] == ["H52"]
    assert not planned("db-data").refusals
    assert not planned(overridden=("H52",)).refusals


def test_the_entry_that_a_host_left_behind_is_not_called_a_node_of_no_host(made: FakeFleet) -> None:
    old = made.engine("D").node_id
    wiped(made, "D").cluster.nodes[old]["Status"]["State"] = "down"
    for joins in (True, False):
        observed = observe(made, kernel="always")
        (warned,) = (one for one in make_plan(Declared(INVENTORY), observed).warnings if one.code == "H52")
        assert warned.what == f"node {old[:12]} is what D was before, and stays listed"
        assert warned.remedy == "swarmkit node replace D takes it away, and lets D take its place"
        if joins:
            run_once(made, Declared(INVENTORY))
            assert made.engine("D").node_id != old


def test_a_replaced_machine_that_calls_itself_otherwise_takes_the_place_its_address_had(made: FakeFleet) -> None:
    made.engine("A").create("services", service("db", "node.labels.role == data", "db-data"))
    old = made.engine("D").node_id
    made.cluster.nodes[old]["Spec"]["Labels"]["rack"] = "7"
    wiped(made, "D")
    made.cluster.nodes[old]["Description"]["Hostname"] = "ip-before"
    assert [one.evidence for one in replacing(made, D).refusals] == ["no volume db-data on the host"]
    observed = observe(made, kernel="always")
    assert [one.where for one in lost_data(INVENTORY, observed, {"D": ()})] == ["D"]
    run(made, replacing(made, D, accept_data_loss=True))
    assert made.cluster.nodes[made.engine("D").node_id]["Spec"]["Labels"] == {"role": "data", "rack": "7"}
    assert old not in made.cluster.nodes


def test_another_node_that_lives_at_a_hosts_address_keeps_its_place(made: FakeFleet) -> None:
    """Behind one address, or told of one that it had before: nobody but a node that is down gives its place up."""
    old = made.engine("D").node_id
    wiped(made, "D")
    made.cluster.nodes[old]["Description"]["Hostname"] = "other"
    made.cluster.nodes[old]["Status"]["State"] = "ready"
    assert "takes nobody's place" in replacing(made, D).refusals[0].what


def test_an_old_node_that_is_not_down_is_not_replaced(made: FakeFleet) -> None:
    old = made.engine("D").node_id
    wiped(made, "D")
    made.cluster.nodes[old]["Status"]["State"] = "ready"
    assert "is ready, not down" in replacing(made, D).refusals[0].what


def test_a_host_that_was_never_a_node_takes_nobodys_place() -> None:
    more = replace(INVENTORY, hosts=(*HOSTS, Host("E", "10.88.0.15", "worker")))
    fleet = fake_fleet(more)
    run_once(fleet.of("ABCD"), Declared(INVENTORY))
    assert "takes nobody's place" in replacing(fleet, more.host("E"), inventory=more).refusals[0].what


def test_a_manager_that_stays_down_beside_its_old_entry_is_told_the_way_out(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "ROLE_TIMEOUT_SECONDS", 0.1)
    run_once(wiped(made, "B"), Declared(INVENTORY))
    made.cluster.nodes[made.engine("B").node_id]["Status"]["State"] = "down"
    applied = apply(replacing(made, B), Context(made, Silent(), "A"))
    (failed,) = applied.failed
    assert isinstance(failed.error, NotConvergedError)
    assert failed.error.to_do == (
        "an old entry has its address: on B run systemctl restart docker, then the same again"
    )


def test_an_up_takes_the_seat_of_the_old_manager_before_its_host_joins_again(made: FakeFleet) -> None:
    old = made.engine("B").node_id
    plan = make_plan(Declared(INVENTORY), observe(wiped(made, "B"), kernel="always"))
    (join,) = [operation for operation in plan.operations if operation.step.key == "join:B"]
    assert f"vacate:{old}" in join.step.after
    run(made, plan)
    assert made.cluster.nodes[old]["Spec"]["Role"] == "worker"
    assert made.engine("B").is_manager
    assert replacing(made, B).operations
