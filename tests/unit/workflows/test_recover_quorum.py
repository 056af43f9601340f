"""`recover quorum` on hosts in memory, of which some come back while the plan waits for its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.certificates import node_certificate
from fakes.cluster import Refused
from fakes.running import run_once
from fakes.swarm import FakeEngine, FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.observed.model import RECOVERY_LABEL, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.data.holding import hold
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.networks import ingress_operations
from swarmkit.plan.nodes.memberships import CLUSTER_LABEL
from swarmkit.plan.progress import Silent
from swarmkit.plan.states import recovery_operations
from swarmkit.reach.engine import EngineError
from swarmkit.reach.hosts_lock import HostsLock
from swarmkit.reach.lock import Holder, LockedError
from swarmkit.reach.ssh import CommandResult, CommandTimeoutError, ConnectionLostError
from swarmkit.workflows.quorum_survey import survey_and_plan
from swarmkit.workflows.recover import RecoveryReport, recover_quorum
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError

INVENTORY = Inventory(
    Path("inventory.yaml"), "prod", tuple(Host(name, f"10.88.0.{n}", "manager") for n, name in enumerate("ABC", 11))
)


class Lost:
    """Three managers of which A is left, without a leader, and B and C are silent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, inventory: Inventory = INVENTORY) -> None:
        self.fleet = fake_fleet(inventory)
        run_once(self.fleet, Declared(inventory))
        self.silent = {"B", "C"}
        self.forced: list[dict[str, Any]] = []
        for engine in self.fleet.engines:
            engine.info_changes = {"DockerRootDir": "/var/lib/docker"}
        engine = self.fleet.engine("A")
        self.cluster = engine.cluster
        assert self.cluster
        self.certificate = node_certificate(self.cluster.id, "swarm-manager")
        self.ingress = iter(["4026532281", "4026532999"])
        self.restart = CommandResult(0, "", "")
        for reached in self.fleet.values():
            assert isinstance(reached.shell, FakeShell)
            reached.shell.answer = self._answer
        self.patch = monkeypatch
        monkeypatch.setattr(engine, "_cluster", self.no_leader)
        monkeypatch.setattr("swarmkit.workflows.recover.PROOF_PATIENCE_SECONDS", 0.0)
        for module in ("recover", "returned_managers"):
            monkeypatch.setattr(f"swarmkit.workflows.{module}.reach_some", self._reached)

    def _answer(self, script: str, _: tuple[str, ...]) -> CommandResult:
        if "ingress_sbox" in script:
            return CommandResult(0, next(self.ingress), "")
        restarts = script.rstrip().endswith("restart_engine_for_its_agent")
        return self.restart if restarts else CommandResult(0, f"raft 2 37\n{self.certificate}", "")

    @staticmethod
    def no_leader() -> None:
        raise Refused(503, "The swarm does not have a leader")

    def leads_again(self) -> None:
        self.patch.setattr(self.fleet.engine("A"), "_cluster", lambda: self.cluster)

    @contextmanager
    def _reached(self, inventory: Inventory, **_: object) -> Iterator[tuple[FakeFleet, dict[str, UnreachableError]]]:
        answer = [host.name for host in inventory.hosts if host.name not in self.silent]
        if not answer:
            raise UnreachableError("no host answers")
        yield self.fleet.of("".join(answer)), dict.fromkeys(sorted(self.silent), UnreachableError("cannot be reached"))

    def when_forced(self, do: Callable[[], object]) -> None:
        """Have the survivor lead again once it is forced to, and *do* at that moment."""
        engine = self.fleet.engine("A")
        force = engine.init_swarm

        def forced(body: dict[str, Any]) -> None:
            self.leads_again()
            force(body)
            self.forced.append(body)
            do()

        self.patch.setattr(engine, "init_swarm", forced)

    def recover(self, meanwhile: Callable[[], object]) -> RefusedError:
        """Run it with *meanwhile* between the plan and the answer yes; nothing may be written."""
        writes = self.fleet.world.writes

        def agree(plan: Plan) -> bool:
            assert not plan.refusals
            meanwhile()
            return True

        with pytest.raises(RefusedError) as refused:
            recover_quorum(INVENTORY, Terms(Silent(), agree), lost="BC", going_on="", unlock_keys=())
        assert self.fleet.world.writes == writes
        return refused.value


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Lost:
    return Lost(monkeypatch)


def told(refused: RefusedError) -> list[tuple[str, str]]:
    return [(finding.where, finding.what) for finding in refused.plan.refusals]


def test_nothing_is_forced_when_a_lost_manager_came_back_before_the_plan_was_agreed_to(lost: Lost) -> None:
    assert told(lost.recover(lambda: lost.silent.remove("C"))) == [("C", "is said to be lost, but it answers by now")]


def test_nothing_is_forced_when_the_swarm_has_a_leader_again_before_the_plan_was_agreed_to(lost: Lost) -> None:
    assert told(lost.recover(lost.leads_again)) == [("swarm", "has a leader again")]


def agreed() -> RecoveryReport:
    terms = Terms(Silent(), lambda plan: not plan.refusals)
    report = recover_quorum(INVENTORY, terms, lost="BC", going_on="", unlock_keys=())
    assert report
    return report


def test_a_recovery_is_told_also_when_a_manager_that_came_back_fell_silent_again(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise ConnectionLostError("B: the SSH connection is gone")

    def back_for_a_moment() -> None:
        lost.silent.remove("B")
        monkeypatch.setattr(lost.fleet.engine("B"), "info", gone)
        monkeypatch.setattr(lost.fleet["B"].shell, "run", gone)

    lost.when_forced(back_for_a_moment)
    report = agreed()
    assert [body["ForceNewCluster"] for body in lost.forced] == [True]
    assert ("B", "answered, and fell silent again") in [(one.where, one.what) for one in report.findings]
    assert [host.name for host in report.inventory.hosts] == ["A"]


def test_no_second_cluster_is_forced_when_no_leader_answers_right_after_the_first(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_leader(*arguments: Any) -> object:
        for name in "AB":
            monkeypatch.setattr(lost.fleet.engine(name), "_cluster", lost.no_leader)
        return survey_and_plan(*arguments)

    lost.when_forced(lambda: lost.silent.remove("B"))
    monkeypatch.setattr("swarmkit.workflows.returned_managers.survey_and_plan", without_a_leader)
    report = agreed()
    assert len(lost.forced) == 1
    assert ("B", "is back and was not fenced") in [(one.where, one.what) for one in report.findings]


def test_a_recovery_is_told_also_when_nobody_can_be_looked_at_after_it(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise SwarmkitError("a host's facts cannot be read")

    lost.when_forced(lambda: lost.silent.remove("B"))
    monkeypatch.setattr("swarmkit.workflows.returned_managers.survey_and_plan", fails)
    report = agreed()
    assert ("B", "is back and was not fenced") in [(one.where, one.what) for one in report.findings]


@pytest.mark.parametrize(("exit_code", "status"), [(0, "done"), (1, "failed")])
def test_an_engine_whose_ingress_outlived_the_new_cluster_is_started_again_at_the_end(
    lost: Lost, exit_code: int, status: str
) -> None:
    """Seen on the lab (F27): the survivor answered nobody on the port that it publishes."""
    lost.ingress = iter(["4026532281", "4026532281"])
    lost.restart = CommandResult(exit_code, "", "Job for docker.service failed")
    lost.when_forced(lambda: None)
    report = agreed()
    assert len(lost.forced) == 1
    assert report.applied[-1].outcomes["ingress:A"].status == status
    shell = lost.fleet["A"].shell
    assert isinstance(shell, FakeShell)
    asked = [script for script in shell.scripts if "1F0A" in script or script.endswith("restart_engine_for_its_agent")]
    # Once it was started again, it is asked whether it hears the others.
    assert ("1F0A" in asked[-1]) == (status == "done")
    told = [one.remedy for one in report.findings if one.what == "its published ports may answer nobody"]
    assert told == ([] if status == "done" else ["on A: sudo systemctl restart docker"])


def test_a_survivor_with_a_new_ingress_is_left_as_it_is(lost: Lost) -> None:
    lost.when_forced(lambda: None)
    assert not any("ingress:A" in applied.outcomes for applied in agreed().applied)


@pytest.mark.parametrize("takes_it_up", [True, False])
def test_an_engine_that_joined_and_gave_up_on_ingress_is_told_of_it_again(
    lost: Lost, monkeypatch: pytest.MonkeyPatch, takes_it_up: bool
) -> None:
    """Seen on the lab: a manager that was back had no rules for the encrypted ingress, and nobody told it again."""
    for name in ("TAKEN_UP", "THERE_TIMEOUT"):
        monkeypatch.setattr(ingress_operations, f"{name}_SECONDS", 0.0)
    lost.leads_again()
    lost.silent.clear()
    assert lost.cluster
    lost.cluster.spec["Labels"] = {**lost.cluster.spec["Labels"], RECOVERY_LABEL: "1"}
    late, end = lost.fleet.engine("B"), FakeEngine._ingress_end
    del lost.cluster.nodes[late.node_id]

    def its_end(engine: FakeEngine, identity: str) -> dict[str, Any] | None:
        labels = lost.cluster.nodes[late.node_id]["Spec"]["Labels"] if lost.cluster else {}
        gave_up = engine is late and not (takes_it_up and "swarmkit.ingress" in labels)
        return None if gave_up else end(engine, identity)

    monkeypatch.setattr(FakeEngine, "_ingress_end", its_end)
    terms = Terms(Silent(), lambda plan: not plan.refusals)
    report = recover_quorum(INVENTORY, terms, lost=(), going_on="", unlock_keys=())
    assert report
    assert {key for applied in report.applied for key in applied.outcomes} >= {"leave:B", "join:B"}
    assert report.applied[-1].outcomes["ingress:nodes"].status == ("done" if takes_it_up else "failed")
    remedies = [one.remedy for one in report.findings if one.what == "its published ports may answer nobody"]
    assert remedies == ([] if takes_it_up else ["on B: sudo systemctl restart docker"])


def test_a_new_cluster_is_forced_also_where_the_state_does_not_tell_of_its_ca(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise CommandTimeoutError("A: nothing moved for 30 s", "the command may still be running there")

    monkeypatch.setattr(lost.fleet["A"].shell, "pipe", cut)
    lost.when_forced(lambda: None)
    report = agreed()
    (body,) = lost.forced
    assert body["Spec"]["CAConfig"] == {"ForceRotate": 0}
    (outcome,) = [one for applied in report.applied for one in applied.outcomes.values() if one.step.subject == "swarm"]
    assert "A: nothing moved for 30 s" in outcome.note


def test_a_worker_that_is_back_before_the_plan_was_agreed_to_stops_no_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = replace(INVENTORY, hosts=(*INVENTORY.hosts, Host("D", "10.88.0.14", "worker")))
    lost = Lost(monkeypatch, inventory)
    lost.silent |= {"D"}
    lost.when_forced(lambda: None)

    def agree(plan: Plan) -> bool:
        assert [warning.where for warning in plan.warnings] == ["swarm", "B, C"]
        lost.silent.remove("D")
        return not plan.refusals

    assert recover_quorum(inventory, Terms(Silent(), agree), lost="BC", going_on="", unlock_keys=())
    assert len(lost.forced) == 1


def test_a_lost_manager_that_is_back_and_has_ended_its_raft_leaves_its_swarm_too(
    lost: Lost,
) -> None:
    """An engine ends its raft when the swarm that went on answers it: its certificate alone tells its role then."""
    lost.leads_again()
    lost.silent.clear()
    assert lost.cluster
    lost.cluster.spec["Labels"] = {**lost.cluster.spec["Labels"], RECOVERY_LABEL: "1"}
    del lost.cluster.nodes[lost.fleet.engine("B").node_id]
    asked: list[Plan] = []
    terms = Terms(Silent(), lambda plan: bool(asked.append(plan)))
    assert recover_quorum(INVENTORY, terms, lost=(), going_on="", unlock_keys=()) is None
    assert [operation.step.key for operation in asked[0].operations] == ["leave:B"]


def test_a_force_whose_answer_is_lost_is_finished_by_the_same_run(lost: Lost) -> None:
    def lose_it() -> None:
        assert lost.cluster
        _, *others = lost.cluster.managers
        lost.cluster.out_of_raft.update(others)
        raise ConnectionLostError("A: the connection was lost")

    lost.when_forced(lose_it)
    terms = Terms(Silent(), lambda _: True)
    assert recover_quorum(INVENTORY, terms, lost="BC", going_on="", unlock_keys=())
    labels = lost.fleet.engine("A").swarm()["Spec"]["Labels"]
    assert int(labels[RECOVERY_LABEL]) > 0


def test_what_led_again_when_the_force_lost_its_answer_is_not_marked(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = lost.fleet.engine("A")

    def return_of_the_others(_: dict[str, Any]) -> None:
        lost.leads_again()
        raise CommandTimeoutError("A: no answer in 60 s")

    monkeypatch.setattr(engine, "init_swarm", return_of_the_others)
    terms = Terms(Silent(), lambda _: True)
    with pytest.raises(SwarmkitError):
        recover_quorum(INVENTORY, terms, lost="BC", going_on="", unlock_keys=())
    assert RECOVERY_LABEL not in engine.swarm()["Spec"]["Labels"]


def test_a_recovery_that_was_cut_off_is_found_though_those_that_came_back_tell_of_their_swarm_first(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All three answer, and none has the mark: the swarm of the one that was forced is the one to go on."""
    lost.leads_again()
    lost.silent.clear()
    first = observe(lost.fleet, kernel="never")
    assert first.cluster
    own = first.hosts["C"].engine.node_id
    forced = replace(
        first.cluster,
        told_by="C",
        nodes=tuple(
            node if node.id == own else replace(node, state="down", reachability="") for node in first.cluster.nodes
        ),
    )
    asked: list[str] = []

    def with_cluster_now(fleet: FakeFleet, observed: Observed) -> Observed:
        (name,) = fleet
        asked.append(name)
        return replace(observed, cluster=forced if name == "C" else replace(forced, told_by=name, nodes=()))

    monkeypatch.setattr("swarmkit.workflows.quorum_survey.with_cluster_now", with_cluster_now)
    recovery, observed = survey_and_plan(INVENTORY, lost.fleet, {}, (), "", ())
    assert asked == ["B", "C"]
    assert recovery.manager == "C"
    assert observed.cluster
    assert observed.cluster.told_by == "C"
    keys = [operation.step.key for operation in recovery.plan.operations]
    assert keys == ["recover:mark", "recover:old-managers", "leave:A", "leave:B"]


def test_an_engine_that_is_between_two_starts_of_its_node_is_asked_again_to_go_on(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HAZARDS H55: right after an engine's start it says that it is no manager, and does nothing."""
    monkeypatch.setattr("swarmkit.plan.states.recovery_operations.time.sleep", lambda _: None)
    lost.when_forced(lambda: None)
    engine = lost.fleet.engine("A")
    force, said = engine.init_swarm, iter([True, True, False])

    def starting(body: dict[str, Any]) -> None:
        if next(said):
            raise EngineError("A", "initialise a swarm", 503, "This node is not a swarm manager. Worker nodes can't")
        force(body)

    monkeypatch.setattr(engine, "init_swarm", starting)
    assert agreed()
    assert len(lost.forced) == 1


def test_an_engine_without_its_node_is_not_asked_to_go_on_before_it_is_there(
    lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine 20.10 that has refused tells nothing of its swarm any more, until it is started again."""
    engine = lost.fleet.engine("A")
    there = engine.info()
    gone = {**there, "Swarm": {**there["Swarm"], "NodeID": "", "LocalNodeState": "error", "Error": "no WAL"}}
    looks, forced = iter([gone, gone, there]), list[dict[str, Any]]()
    monkeypatch.setattr("swarmkit.plan.states.recovery_operations.time.sleep", lambda _: None)
    monkeypatch.setattr(engine, "info", lambda: next(looks))
    monkeypatch.setattr(engine, "init_swarm", forced.append)
    recovery_operations._force(engine, {"ForceNewCluster": True})
    assert (list(looks), len(forced)) == ([], 1)
    monkeypatch.setattr("swarmkit.plan.states.recovery_operations.BETWEEN_STARTS_SECONDS", -1.0)
    monkeypatch.setattr(engine, "info", lambda: gone)
    with pytest.raises(SwarmkitError, match="its node does not start") as refused:
        recovery_operations._force(engine, {"ForceNewCluster": True})
    assert refused.value.why == "no WAL"
    assert len(forced) == 1


def test_a_swarm_that_swarmkit_has_not_made_is_recovered_and_the_inventory_s_then(lost: Lost) -> None:
    assert lost.cluster
    del lost.cluster.spec["Labels"][CLUSTER_LABEL]
    lost.when_forced(lambda: None)
    assert agreed()
    assert lost.cluster.spec["Labels"][CLUSTER_LABEL] == "prod"


def test_old_managers_are_fenced_also_when_the_members_may_not_grow_again(lost: Lost) -> None:
    """The swarm turns out to be another's, which nobody can read before it has a leader."""
    assert lost.cluster
    cluster, old = lost.cluster, lost.fleet.engine("B").node_id
    cluster.spec["Labels"][CLUSTER_LABEL] = "another"

    def back() -> None:
        lost.silent.remove("B")
        del cluster.nodes[old]

    lost.when_forced(back)
    with pytest.raises(RefusedError) as refused:
        agreed()
    assert [finding.code for finding in refused.value.plan.refusals] == ["H49"]
    assert lost.fleet.engine("B").info()["Swarm"]["LocalNodeState"] == "inactive"


def test_what_a_restore_that_was_cut_off_holds_stops_no_recovery_after_its_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = Lost(monkeypatch)
    engine = lost.fleet.engine("A")
    lost.leads_again()
    task = {"ContainerSpec": {"Image": "r.example/web:1"}}
    engine.create("services", {"Name": "s_web", "Mode": {"Replicated": {"Replicas": 1}}, "TaskTemplate": task})
    hold(engine, "s_web", "restore")
    monkeypatch.setattr(engine, "_cluster", lost.no_leader)
    lost.when_forced(lambda: lost.silent.remove("B"))
    agreed()
    assert len(lost.forced) == 1


def test_of_two_recoveries_at_once_one_forces_and_the_other_is_told_and_changes_nothing(
    lost: Lost,
) -> None:
    other = Holder(token="t", user="ann", host="laptop", boot="another", pid=7, since="then", purpose="recover quorum")
    theirs = HostsLock({"A": lost.fleet["A"].shell}, other, heartbeat_seconds=0.05)

    def agree(plan: Plan) -> bool:
        theirs.take()
        return not plan.refusals

    try:
        with pytest.raises(LockedError, match="ann@laptop pid 7 since then: recover quorum"):
            recover_quorum(INVENTORY, Terms(Silent(), agree), lost="BC", going_on="", unlock_keys=())
    finally:
        theirs.release()
    assert lost.forced == []


def test_a_plan_from_before_another_recovery_is_not_carried_out(lost: Lost) -> None:
    other = Holder(token="t", user="ann", host="laptop", boot="another", pid=7, since="then", purpose="recover quorum")
    theirs = HostsLock({"A": lost.fleet["A"].shell}, other, heartbeat_seconds=0.05)

    class Watching(Silent):
        def started(self, key: str, target: str, text: str) -> None:
            del key, target
            if "held by ann@laptop" in text:
                theirs.release()

    def agree(plan: Plan) -> bool:
        theirs.take()
        return not plan.refusals

    terms = replace(Terms(Watching(), agree), lock_wait_seconds=5.0)
    with pytest.raises(LockedError, match="another run has ended since this plan was made"):
        recover_quorum(INVENTORY, terms, lost="BC", going_on="", unlock_keys=())
    assert lost.forced == []
