"""Restores: what forbids one, what it does in which order, and how a cut-off one goes on; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.manager_state import FILES, packed_state, unpacked_state
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import ClusterState, Observed, ServiceState
from swarmkit.observed.observe import observe
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.context import Context
from swarmkit.plan.data.holding import HELD_LABEL
from swarmkit.plan.data.putting import VolumeData
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.nodes.memberships import CLUSTER_LABEL
from swarmkit.plan.progress import Silent
from swarmkit.plan.restore.after import after_plan
from swarmkit.plan.restore.model import BackedUpVolume, Backup, Scene
from swarmkit.plan.restore.planning import restore_plan
from swarmkit.plan.states.operations import PutState
from swarmkit.plan.states.recovery_operations import RESTORED_LABEL, ForceNewCluster
from swarmkit.reach.ssh import CommandResult

HOSTS = (
    *(Host(name, f"10.88.0.{11 + n}", "manager") for n, name in enumerate("ABC")),
    Host("D", "10.88.0.14", "worker"),
)
INVENTORY = Inventory(Path("inventory.yaml"), "prod", HOSTS)
NODE = {
    "LocalAddr": "10.9.9.9",
    "AdvertiseAddr": "10.9.9.9:2377",
    "DataPathAddr": "10.9.9.9",
    "ListenAddr": "0.0.0.0:2377",
}


STATE = packed_state({**FILES, "swarm/docker-state.json": json.dumps(NODE).encode()})
BACKUP = Backup("prod", "c1", "A", "10.88.0.11", "0.1", "2026-11-24T10:00:00+00:00", STATE, autolock=False)
DATA = VolumeData(
    name="shop_data",
    service="shop_database",
    restore=("psql",),
    dependents=("shop_backend",),
    driver="local",
    options={},
    labels={},
    backup=BACKUP.identity,
    taken_at="then",
    size_bytes=4,
    sha256="0" * 64,
    stream=lambda: iter((b"rows",)),
)
WITH_DATA = replace(BACKUP, services=frozenset({"shop_backend"}), volumes=(BackedUpVolume("D", DATA),))
OURS = {"swarmkit.backup": BACKUP.identity}


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    return fleet


@pytest.fixture
def bare() -> Observed:
    return observe(fake_fleet(INVENTORY), kernel="never")


def scene(
    observed: Observed, backup: Backup = BACKUP, raft: Mapping[str, RaftFacts] | None = None, silent: str = ""
) -> Scene:
    hosts = {name: facts for name, facts in observed.hosts.items() if name not in silent}
    seen = replace(observed, hosts=hosts, cluster=None)
    return Scene(INVENTORY, backup, seen, raft or {}, dict.fromkeys(silent, "cannot be reached"))


def told(plan: Plan) -> list[str]:
    return [f"{finding.where}: {finding.what}" for finding in plan.refusals] or [
        operation.step.key for operation in plan.operations
    ]


def with_worker(bare: Observed, made: FakeFleet, **changes: str) -> Observed:
    """Return the bare hosts, where D alone is in a swarm."""
    worker = observe(made, kernel="never").hosts["D"]
    engine = replace(worker.engine, **changes)  # type: ignore[arg-type]
    return Observed({**bare.hosts, "D": replace(worker, engine=engine)}, None)


def restored(known: Scene) -> list[str]:
    return told(restore_plan(known, "swarm.before-restore"))


def waits(plan: Plan) -> dict[str, set[str]]:
    assert not plan.refusals, plan.refusals
    return {operation.step.key: set(operation.step.after) for operation in plan.operations}


def test_data_whose_host_is_declared_no_more_is_no_empty_database_somewhere_else(bare: Observed) -> None:
    without = replace(INVENTORY, hosts=HOSTS[:3])
    known = replace(scene(bare, WITH_DATA), inventory=without)
    (finding,) = restore_plan(known, "aside").refusals
    assert (finding.code, finding.where) == ("H58", "shop_data")
    assert "it was on D, which is not in the inventory" in finding.what
    agreed = replace(known, init_empty=frozenset({"shop_data"}))
    assert not restore_plan(agreed, "aside").refusals


def test_data_whose_host_is_silent_is_told_to_be_left_out(bare: Observed) -> None:
    plan = restore_plan(scene(bare, WITH_DATA, silent="D"), "aside")
    told = [finding for finding in plan.warnings if finding.where == "shop_data"]
    assert [(finding.code, finding.evidence) for finding in told] == [("H58", "cannot be reached")]


def test_a_bare_host_takes_the_state_and_goes_on_alone(bare: Observed) -> None:
    assert restored(scene(bare)) == ["swarm:init:state", "swarm:init", "recover:old-managers"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cluster": "test"}, "swarm: the backup is of cluster 'test', not of 'prod'"),
        ({"host": "Z"}, "Z: the backup is of this host, which is not in the inventory"),
        ({"advertise_addr": "10.9.9.9"}, "A: it has the address 10.88.0.11, the backup is of 10.9.9.9"),
        ({"engine_version": "99.0"}, "A: its engine is older than the one the backup is of"),
    ],
)
def test_a_backup_that_does_not_fit_is_refused(bare: Observed, changes: dict[str, str], why: str) -> None:
    assert restored(scene(bare, replace(BACKUP, **changes))) == [why]  # type: ignore[arg-type]


def test_an_older_engine_than_the_backups_is_told_as_that(bare: Observed) -> None:
    """H40, its code of before, is explained as live-restore; and no --override H61 opens the way."""
    older = replace(scene(bare, replace(BACKUP, engine_version="99.0")), overridden=frozenset({"H61"}))
    assert [finding.code for finding in restore_plan(older, "aside").refusals] == ["H61"]


def test_nothing_is_restored_while_a_manager_may_live(bare: Observed, made: FakeFleet) -> None:
    assert restored(scene(bare, raft={"B": RaftFacts("c1")})) == ["B: is a manager that lives"]
    assert restored(scene(bare, raft={"B": RaftFacts("c2")})) == ["B: is a manager of another swarm"]
    silent = scene(bare, silent="BC")
    assert restored(replace(silent, lost=frozenset("B"))) == ["C: does not answer, and may be a manager that lives"]
    assert restored(replace(silent, lost=frozenset("BC")))[0] == "swarm:init:state"
    gone = replace(scene(bare, silent="A"), lost=frozenset("A"))
    assert restored(gone) == ["A: the backup is of this host, and it does not answer"]
    alive = observe(made, kernel="never").hosts["A"]
    assert restored(scene(replace(bare, hosts={**bare.hosts, "A": alive}))) == ["A: its swarm state is active"]


def test_a_worker_that_joined_after_the_backup_leaves_and_joins_again(bare: Observed, made: FakeFleet) -> None:
    seen = with_worker(bare, made)
    ours = {"D": "c1"}
    assert "leave:D" in restored(replace(scene(seen), clusters=ours))
    known = replace(BACKUP, node_ids=frozenset({seen.hosts["D"].engine.node_id}))
    assert "leave:D" not in restored(replace(scene(seen, known), clusters=ours))
    moved = replace(known, advertise_addr="10.9.9.9")
    assert "leave:D" in restored(replace(scene(seen, moved), new_addresses=True, clusters=ours))


@pytest.mark.parametrize("state", ["active", "pending", "locked"])
def test_a_worker_of_another_swarm_is_never_torn_out_of_it(bare: Observed, made: FakeFleet, state: str) -> None:
    seen = with_worker(bare, made, swarm_state=state)
    foreign = replace(scene(seen), clusters={"D": "c2"})
    assert restored(foreign) == ["D: is in another swarm than the backup's"]
    (refusal,) = restore_plan(foreign, "aside").refusals
    assert (refusal.code, refusal.evidence) == ("H49", "its certificate is of cluster c2, the backup of c1")
    moved = replace(foreign, backup=replace(BACKUP, advertise_addr="10.9.9.9"), new_addresses=True)
    assert restored(moved) == ["D: is in another swarm than the backup's"]


def test_a_host_whose_swarm_cannot_be_told_does_not_leave_it(bare: Observed, made: FakeFleet) -> None:
    seen = with_worker(bare, made)
    assert restored(scene(seen)) == ["D: is in a swarm that cannot be told"]
    locked = with_worker(bare, made, swarm_state="locked", node_id="")
    assert restored(scene(locked)) == ["D: is in a swarm that cannot be told"]
    # Node ids are drawn by their swarm: who has one of the backup's is of the backup's.
    known = replace(BACKUP, node_ids=frozenset({seen.hosts["D"].engine.node_id}))
    assert restored(scene(seen, known))[0] == "swarm:init:state"
    # A join that no manager has answered: the host is no node of any swarm.
    assert "leave:D" in restored(scene(with_worker(bare, made, swarm_state="pending", node_id="")))


def test_a_swarm_that_goes_on_lets_its_own_join_anew_and_no_others(made: FakeFleet) -> None:
    seen = going_on(made)
    assert seen.cluster
    unknown = replace(seen.cluster, nodes=tuple(node for node in seen.cluster.nodes if node.role == "manager"))
    known = Scene(INVENTORY, BACKUP, replace(seen, cluster=unknown), {}, {})
    assert told(after_plan(replace(known, clusters={"D": "c1"}))) == ["leave:D"]
    assert told(after_plan(replace(known, clusters={"D": "c2"}))) == ["D: is in another swarm than the backup's"]
    assert told(after_plan(known)) == ["D: is in a swarm that cannot be told"]


def test_a_forced_new_cluster_names_the_ca_s_rotations_of_then_or_it_would_rotate_once_more(bare: Observed) -> None:
    plan = restore_plan(scene(bare, replace(BACKUP, ca_rotations=3)), "aside")
    (force,) = (operation for operation in plan.operations if isinstance(operation, ForceNewCluster))
    assert force.body["Spec"]["CAConfig"] == {"ForceRotate": 3}


def test_to_a_new_address_the_manager_advertises_it_and_the_plan_says_so(bare: Observed) -> None:
    known = replace(scene(bare, replace(BACKUP, advertise_addr="10.9.9.9")), new_addresses=True)
    plan = restore_plan(known, "aside")
    (force,) = (operation for operation in plan.operations if isinstance(operation, ForceNewCluster))
    assert force.body["AdvertiseAddr"] == "10.88.0.11"
    # The engine starts with the state before that, and makes no network agent at an address it does not have.
    (put,) = (operation for operation in plan.operations if isinstance(operation, PutState))
    node = json.loads(unpacked_state(put.archive)["swarm/docker-state.json"])
    assert node == {**NODE, "LocalAddr": "10.88.0.11", "AdvertiseAddr": "10.88.0.11:2377", "DataPathAddr": "10.88.0.11"}
    assert "no more 10.9.9.9" in force.step.reason
    assert "every node but the manager leaves and joins anew" in [warning.what for warning in plan.warnings]


def test_a_raft_that_keeps_another_address_than_the_manager_advertises_ends_the_restore(made: FakeFleet) -> None:
    cluster = made.engine("A").swarm()["ID"]
    step = Step("swarm:init", "swarm", "update", "A", "force a new cluster")
    context = Context(made, Silent(), "A")
    force = ForceNewCluster(step, {"ForceNewCluster": True, "AdvertiseAddr": "10.88.0.11"}, cluster, BACKUP.identity)
    assert force.run(context) == f"cluster {cluster} has a leader again"
    elsewhere = replace(force, body={**force.body, "AdvertiseAddr": "10.9.9.9"})
    with pytest.raises(SwarmkitError, match=r"look for it at another address than 10\.9\.9\.9") as caught:
        elsewhere.run(context)
    assert "its raft 10.88.0.11" in caught.value.why


@pytest.mark.parametrize(("after", "is_told"), [("4026532281", True), ("4026532999", False)])
def test_an_engine_whose_ingress_outlived_the_new_cluster_is_started_again(
    made: FakeFleet, after: str, is_told: bool
) -> None:
    """Seen on the lab (F27): no request to the survivor's published port was answered until its engine restarted."""
    said = iter(["4026532281", after])

    def answer(script: str, arguments: tuple[str, ...]) -> CommandResult:
        del arguments
        return CommandResult(0, next(said) if "ingress_sbox" in script else "", "")

    shell = made["A"].shell
    assert isinstance(shell, FakeShell)
    shell.answer = answer
    cluster = made.engine("A").swarm()["ID"]
    body = {"ForceNewCluster": True, "AdvertiseAddr": "10.88.0.11"}
    step = Step("swarm:init", "swarm", "update", "A", "force")
    told = ForceNewCluster(step, body, cluster, BACKUP.identity).run(Context(made, Silent(), "A"))
    assert told.endswith("for the other nodes to learn of its published ports") == is_told
    assert any("restart_engine_for_its_agent" in script for script in shell.scripts) == is_told


def test_a_state_that_is_in_place_already_is_gone_on_with(bare: Observed, made: FakeFleet) -> None:
    pending = {**bare.hosts, "A": observe(made, kernel="never").hosts["A"]}
    known = scene(Observed(pending, None), raft={"A": RaftFacts("c1")})
    assert restored(known)[0] == "A: is a manager that lives"
    assert restored(replace(known, placed=BACKUP.identity)) == ["swarm:init", "recover:old-managers"]
    others = {"A": RaftFacts("c1"), "B": RaftFacts("c1")}
    assert restored(replace(known, placed=BACKUP.identity, raft=others)) == ["B: is a manager that lives"]
    assert restored(replace(known, placed="another backup"))[0] == "A: is a manager that lives"


def test_a_state_in_place_that_does_not_start_is_put_there_once_more(bare: Observed) -> None:
    """Its folder keeps the backup's name for good: a disk that was full, or a log that was damaged weeks later."""
    broken = replace(bare.hosts["A"], engine=replace(bare.hosts["A"].engine, swarm_state="error"))
    known = replace(scene(replace(bare, hosts={**bare.hosts, "A": broken})), placed=BACKUP.identity)
    plan = restore_plan(known, "aside")
    assert told(plan) == ["swarm:init:state", "swarm:init", "recover:old-managers"]
    (put,) = (operation for operation in plan.operations if isinstance(operation, PutState))
    assert put.again


def test_services_newer_than_the_backup_are_told_before(bare: Observed) -> None:
    known = scene(bare, replace(BACKUP, services=frozenset({"shop_backend"})))
    plan = restore_plan(replace(known, running=frozenset({"shop_backend", "shop_new"})), "aside")
    assert [warning.where for warning in plan.warnings if warning.code == "H62"] == ["shop_new"]


def test_a_lost_volume_is_there_before_the_state_and_who_needs_its_data_stands_still(bare: Observed) -> None:
    def keys(there: dict[str, dict[str, str]], *init_empty: str, placed: str = "") -> list[str]:
        known = scene(replace(bare, volumes={"D": there}), WITH_DATA)
        plan = restore_plan(replace(known, init_empty=frozenset(init_empty), placed=placed), "aside")
        assert waits(plan)["swarm:init"] >= {key for key in told(plan) if key.startswith("swarm:init:")}
        return [key for key in told(plan) if "volume" in key or "hold" in key]

    both = ["swarm:init:volume:shop_data", "hold:shop_backend"]
    assert keys({}) == both
    assert keys({"shop_data": {}}) == []
    assert keys({}, "shop_data") == []
    assert keys({"shop_data": OURS}) == both
    assert keys({"shop_data": OURS | {"swarmkit.backup.whole": BACKUP.identity}}) == []
    # The engine has started tasks with the state: what is being filled is not emptied under them.
    assert keys({"shop_data": OURS}, placed=BACKUP.identity) == ["hold:shop_backend"]


def going_on(fleet: FakeFleet, **labels: str) -> Observed:
    """Return the fake swarm as one that goes on from the backup, with the services of the shop."""
    seen = observe(fleet, kernel="never")
    assert seen.cluster
    spec = {"TaskTemplate": {"ContainerSpec": {"Image": "i"}}, "Mode": {"Replicated": {"Replicas": 1}}}
    services = tuple(ServiceState(name, 1, name, labels if name == "shop_backend" else {}, spec)
                     for name in ("shop_backend", "shop_database"))  # fmt: skip
    marks = {**seen.cluster.labels, RESTORED_LABEL: BACKUP.identity}
    cluster: ClusterState = replace(seen.cluster, labels=marks, services=services)
    return replace(seen, cluster=cluster, volumes={"D": {"shop_data": OURS}})


def test_the_dump_is_in_before_who_was_held_is_let_run(made: FakeFleet) -> None:
    known = Scene(INVENTORY, WITH_DATA, going_on(made), {}, {})
    assert known.is_forced
    order = waits(after_plan(known))
    assert order["wait:shop_database"] == {"hold:shop_backend"}
    assert order["data:shop_data"] == {"wait:shop_database"}
    held = waits(after_plan(replace(known, observed=going_on(made, **{HELD_LABEL: "1"}))))
    assert held["release:shop_backend"] == {"wait:shop_database", "data:shop_data"}
    done = replace(known.observed, volumes={"D": {"shop_data": OURS | {"swarmkit.backup.whole": BACKUP.identity}}})
    assert after_plan(replace(known, observed=done)).is_empty


def test_data_whose_volume_was_lost_after_the_restore_goes_in_again(made: FakeFleet) -> None:
    seen = going_on(made)
    assert seen.cluster
    noted = replace(seen.cluster, labels={**seen.cluster.labels, "swarmkit.data.shop_data": BACKUP.identity})
    known = Scene(INVENTORY, WITH_DATA, replace(seen, cluster=noted, volumes={"D": {}}), {}, {})
    assert {"volume:shop_data", "data:shop_data", "hold:shop_backend"} <= set(told(after_plan(known)))
    there = replace(known, observed=replace(known.observed, volumes={"D": {"shop_data": OURS}}))
    assert after_plan(there).is_empty
    # A host with a new disk: the swarm starts the database as soon as it has joined.
    bare = replace(seen.hosts["D"], engine=replace(seen.hosts["D"].engine, swarm_state="inactive", node_id=""))
    plan = after_plan(replace(known, observed=replace(known.observed, hosts={**seen.hosts, "D": bare})))
    assert {"volume:shop_data", "hold:shop_backend"} <= waits(plan)["join:D"]
    assert told(plan).index("volume:shop_data") < told(plan).index("join:D")


def test_a_host_that_joined_anew_loses_its_old_entry_and_keeps_its_labels(made: FakeFleet) -> None:
    seen = going_on(made)
    assert seen.cluster
    node = seen.cluster.node(seen.hosts["D"].engine.node_id)
    assert node
    bare = {**seen.hosts, "D": replace(seen.hosts["D"], engine=replace(
        seen.hosts["D"].engine, swarm_state="inactive", node_id=""))}  # fmt: skip
    backup = replace(BACKUP, labels={"D": {"rack": "7"}})
    order = waits(after_plan(Scene(INVENTORY, backup, replace(seen, hosts=bare), {}, {})))
    assert {"join:D", "node:D", f"remove:{node.id}"} <= order.keys()
    assert order[f"remove:{node.id}"] == {"ready:D"}


def test_a_host_that_could_not_join_refuses_the_restore_before_its_force(bare: Observed) -> None:
    late = replace(bare.hosts["D"], system=replace(bare.hosts["D"].system, clock_offset_seconds=900.0))
    known = scene(replace(bare, hosts={**bare.hosts, "D": late}))
    assert [finding.code for finding in restore_plan(known, "aside").refusals] == ["H34"]
    assert restored(replace(known, overridden=frozenset({"H34"})))[0] == "swarm:init:state"

    def in_state_error(*names: str) -> list[str]:
        hosts = {
            name: replace(facts, engine=replace(facts.engine, swarm_state="error")) if name in names else facts
            for name, facts in bare.hosts.items()
        }
        return restored(scene(replace(bare, hosts=hosts)))

    assert in_state_error("D") == ["D: its swarm state is error"]
    # What the state is put in the place of may be broken.
    assert in_state_error("A")[0] == "swarm:init:state"


def test_a_swarm_that_swarmkit_has_not_made_grows_again_after_its_restore(made: FakeFleet) -> None:
    seen = going_on(made)
    assert seen.cluster
    labels = {name: value for name, value in seen.cluster.labels.items() if name != CLUSTER_LABEL}
    inactive = replace(seen.hosts["D"], engine=replace(seen.hosts["D"].engine, swarm_state="inactive", node_id=""))
    observed = replace(seen, cluster=replace(seen.cluster, labels=labels), hosts={**seen.hosts, "D": inactive})
    plan = after_plan(Scene(INVENTORY, WITH_DATA, observed, {}, {}))
    assert {"swarm:adopt", "join:D", "data:shop_data"} <= set(told(plan))
