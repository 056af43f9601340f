import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines.restarted_node import step_aside
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.operations import Demote
from swarmkit.plan.progress import Silent

GONE = "gone0123456789"


def inventory(*hosts: Host) -> Inventory:
    return Inventory(Path("inventory.yaml"), "prod", hosts)


def fleet_of(declared: Inventory) -> FakeFleet:
    return fake_fleet(declared)


def test_the_first_manager_has_its_availability_from_the_start() -> None:
    declared = Declared(inventory(Host("A", "10.88.0.11", "manager", availability="drain")))
    fleet = fleet_of(declared.inventory)
    run_once(fleet, declared)
    assert fleet.engine("A").find("nodes")[0]["Spec"]["Availability"] == "drain"
    assert plan_on(fleet, declared).is_empty


def test_managers_join_one_after_another_and_workers_beside_them() -> None:
    declared = Declared(
        inventory(
            *(Host(name, f"10.88.0.{number}", "manager") for number, name in enumerate("ABC", 11)),
            Host("D", "10.88.0.14", "worker"),
        )
    )
    plan = plan_on(fleet_of(declared.inventory), declared)
    after = {operation.step.key: set(operation.step.after) for operation in plan.operations}
    assert after == {
        "swarm:init": set(),
        "join:B": {"swarm:init"},
        "join:C": {"join:B"},
        "join:D": {"swarm:init"},
    }


def managers_and_workers(managers: str, workers: str) -> Declared:
    """A host's address is the same in whatever role."""
    numbers = {name: number for number, name in enumerate("ABCDE", 11)}
    hosts = [Host(name, f"10.88.0.{numbers[name]}", "manager") for name in managers]
    return Declared(inventory(*hosts, *(Host(name, f"10.88.0.{numbers[name]}", "worker") for name in workers)))


def test_a_manager_is_demoted_after_its_successors_have_joined_one_after_another() -> None:
    whole = managers_and_workers("BCD", "A")
    fleet = fleet_of(whole.inventory)
    run_once(fleet.of("A"), managers_and_workers("A", ""))
    plan = plan_on(fleet, whole)
    after = {operation.step.key: set(operation.step.after) for operation in plan.operations}
    assert after == {
        "join:B": set(),
        "join:C": {"join:B"},
        "join:D": {"join:C"},
        "demote:A": {"join:B", "join:C", "join:D"},
    }


def test_the_only_manager_can_become_a_worker_and_all_goes_on_by_its_successor() -> None:
    fleet = fleet_of(managers_and_workers("B", "A").inventory)
    run_once(fleet.of("A"), managers_and_workers("A", ""))
    _, applied = run_once(fleet, managers_and_workers("B", "A"))
    assert applied.failed == ()
    assert plan_on(fleet, managers_and_workers("B", "A")).is_empty
    assert not fleet.engine("A").is_manager


def test_three_managers_change_places_with_two_workers() -> None:
    fleet = fleet_of(managers_and_workers("ABC", "DE").inventory)
    run_once(fleet, managers_and_workers("ABC", "DE"))
    plan, applied = run_once(fleet, managers_and_workers("CDE", "AB"))
    assert applied.failed == ()
    # A tells of the cluster, so it goes last.
    assert [operation.step.key for operation in plan.operations] == ["promote:D", "promote:E", "demote:B", "demote:A"]
    assert plan_on(fleet, managers_and_workers("CDE", "AB")).is_empty


def test_labels_of_a_node_that_is_promoted_are_set_after_that() -> None:
    """Written beside it, with the role of before, they were a demotion to the engine, which knew no such manager."""
    fleet = fleet_of(managers_and_workers("A", "B").inventory)
    run_once(fleet, managers_and_workers("A", "B"))
    declared = managers_and_workers("AB", "")
    hosts = tuple(replace(host, labels={"role": "data"}) for host in declared.inventory.hosts)
    plan = plan_on(fleet, replace(declared, inventory=replace(declared.inventory, hosts=hosts)))
    after = {operation.step.key: operation.step.after for operation in plan.operations}
    assert after == {"node:A": frozenset(), "promote:B": frozenset(), "node:B": frozenset({"promote:B"})}


def test_a_demotion_that_would_cost_the_quorum_by_now_is_not_done() -> None:
    fleet = fleet_of(managers_and_workers("ABC", "").inventory)
    run_once(fleet, managers_and_workers("ABC", ""))
    plan = plan_on(fleet, managers_and_workers("A", "BC"))
    fleet.engine("C").leave_swarm(force=True)
    demote = plan.operations[0]
    with pytest.raises(SwarmkitError, match="quorum would be lost"):
        demote.run(Context(fleet, Silent(), "A"))
    assert fleet.engine("B").is_manager


@pytest.mark.parametrize("act", [lambda step, context: Demote(step, GONE).run(context),
                                 lambda step, context: step_aside(context, step.target, GONE)])  # fmt: skip
def test_a_node_that_was_removed_since_the_plan_was_made_is_told_as_gone(
    act: Callable[[Step, Context], object],
) -> None:
    """It ended with a KeyError."""
    fleet = fleet_of(managers_and_workers("ABC", "").inventory)
    run_once(fleet, managers_and_workers("ABC", ""))
    with pytest.raises(SwarmkitError, match="B: its node is no more in the swarm") as caught:
        act(Step("key", "node", "update", "B", "demote"), Context(fleet, Silent(), "A"))
    assert caught.value.to_do == "run the same again: it plans anew"


def test_removed_nodes_are_gone_and_nothing_is_left_to_do() -> None:
    fleet = fleet_of(managers_and_workers("ABC", "DE").inventory)
    run_once(fleet, managers_and_workers("ABC", "DE"))
    rest = replace(managers_and_workers("A", "D"), remove_nodes=True)
    _, applied = run_once(fleet.of("AD"), rest)
    assert applied.failed == ()
    assert plan_on(fleet.of("AD"), rest).is_empty
    assert {node["Description"]["Hostname"] for node in fleet.cluster.nodes.values()} == {"host-a", "host-d"}


@pytest.mark.parametrize(("managers", "workers", "leaving"), [("A", "BC", "C"), ("BDE", "", "AC"), ("A", "B", "CDE")])
def test_hosts_that_shall_be_absent_leave_and_nothing_is_left_to_do(managers: str, workers: str, leaving: str) -> None:
    whole = managers_and_workers("ABC", "DE")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    rest = managers_and_workers(managers, "".join(set(workers) - set(leaving))).inventory
    absent = tuple(managers_and_workers("", leaving).inventory.hosts)
    declared = Declared(replace(rest, leaving=absent))
    those = fleet.of("".join(host.name for host in declared.inventory.with_leaving.hosts))
    _, applied = run_once(those, replace(declared, remove_nodes=True))
    assert applied.failed == ()
    for name in leaving:
        assert fleet.engine(name).cluster is None
    assert {node["Description"]["Hostname"] for node in fleet.cluster.nodes.values()} == {
        f"host-{host.name.lower()}" for host in rest.hosts
    }
    assert plan_on(those, declared).is_empty


def test_the_node_of_an_absent_host_that_left_in_a_run_that_was_cut_off_is_removed_by_the_next() -> None:
    whole = managers_and_workers("ABC", "D")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    for name in "CD":
        fleet.engine(name).leave_swarm(force=True)
    absent = tuple(host for host in whole.inventory.hosts if host.name in "CD")
    declared = Declared(replace(managers_and_workers("AB", "").inventory, leaving=absent))
    _, applied = run_once(fleet, declared)
    assert applied.failed == ()
    assert {node["Description"]["Hostname"] for node in fleet.cluster.nodes.values()} == {"host-a", "host-b"}
    assert plan_on(fleet, declared).is_empty


def forced(fleet: FakeFleet, survivor: str) -> None:
    """Have *survivor* go on alone, in a raft of its own that nothing marks yet, while the others are back in theirs."""
    engine = fleet.engine(survivor)
    old = fleet.cluster
    engine.cluster = copy.copy(old)
    engine.cluster.nodes = copy.deepcopy(old.nodes)
    engine.cluster.out_of_raft = set(old.managers) - {engine.node_id}
    for node_id in engine.cluster.out_of_raft:
        engine.cluster.nodes[node_id]["Status"]["State"] = "down"
    old.nodes[engine.node_id]["Status"]["State"] = "down"


@pytest.mark.parametrize("survivor", ["A", "B", "C"])
def test_up_is_refused_where_a_recovery_was_cut_off_after_its_force_and_the_others_are_back(survivor: str) -> None:
    whole = managers_and_workers("ABC", "")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    forced(fleet, survivor)
    refusals = plan_on(fleet, whole).refusals
    assert {(one.code, one.where) for one in refusals} == {("H49", other) for other in "ABC" if other != survivor}
    assert {one.remedy for one in refusals} == {"run: swarmkit recover quorum"}


def test_workers_whose_only_manager_left_are_told_of_a_backup_and_of_a_swarm_made_anew() -> None:
    """It was all that they shall leave a swarm which is not needed; theirs was, and is no more."""
    whole = managers_and_workers("A", "BC")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    fleet.engine("A").leave_swarm(force=True)
    refusals = plan_on(fleet, whole).refusals
    assert {(one.code, one.where) for one in refusals} == {("H49", "B"), ("H49", "C")}
    assert refusals[0].remedy == (
        "if A managed that swarm and left it: swarmkit restore ARCHIVE; without a backup, or if that swarm is not "
        "needed, on B: docker swarm leave --force; swarmkit never does that by itself; swarmkit up then makes it anew, "
        "and data in volumes stays"
    )


def test_a_manager_whose_node_is_down_for_a_moment_after_its_start_stops_no_plan() -> None:
    whole = managers_and_workers("ABC", "")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    fleet.cluster.nodes[fleet.engine("C").node_id]["Status"]["State"] = "down"
    assert plan_on(fleet, whole).refusals == ()


def test_workers_whose_only_manager_shall_be_absent_and_is_silent_are_told_to_bring_it_back() -> None:
    """They were told to leave their swarm by force, with all that it runs."""
    whole = managers_and_workers("A", "BC")
    fleet = fleet_of(whole.inventory)
    run_once(fleet, whole)
    absent = tuple(host for host in whole.inventory.hosts if host.name == "A")
    plan = plan_on(fleet.of("BC"), Declared(replace(managers_and_workers("B", "C").inventory, leaving=absent)))
    assert [(one.code, one.where) for one in plan.refusals] == [("H49", "B"), ("H49", "C")]
    assert plan.refusals[0].remedy.startswith("the inventory has A absent, which may be its manager: start it")
    assert plan_on(fleet, Declared(replace(managers_and_workers("B", "C").inventory, leaving=absent))).refusals == ()
