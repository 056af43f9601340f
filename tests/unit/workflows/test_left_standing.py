"""A backup that was cut off while a service stood for the copy of its volume, and the one after it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.backing_up import Operator
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.observed.observe import observe
from swarmkit.plan.data.holding import HELD_LABEL, HOLDER_LABEL, hold, release
from swarmkit.plan.data.planning import DeclaredData
from swarmkit.plan.model import Plan
from swarmkit.plan.states.backup_plans import Taking, backup_plan
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.workflows.unfinished import IncompleteError, RefusedError

STACK = """
services:
  web:
    image: 'web:1'
    depends_on: [store]
    # Neither beside the volume nor on the manager that stops, in whatever order the hosts join.
    deploy: {placement: {constraints: [node.labels.role == backend]}}
  store:
    image: 'store:1'
    volumes: ['data:/data']
    deploy: {placement: {constraints: [node.labels.role == database]}}
volumes:
  data: {x-swarmkit: {backup: stopped}}
"""


class CutOff(Operator):
    def backup_that_is_cut_off(self) -> None:
        """Break every link in the middle of the copy: nothing that the run still tries arrives."""

        def lost(*_: Any) -> Any:
            raise ConnectionLostError("the operator's machine is off")

        def cut(*_: Any) -> Any:
            self.fleet.intercept(lost)
            lost()

        shell: Any = self.fleet["C"].shell
        before, shell.piped = shell.piped, cut
        with pytest.raises(IncompleteError):
            self.backup()
        shell.piped = before
        self.fleet.intercept(lambda _, write: write())
        # The run is dead, and this process, which did it, is not.
        engine = self.fleet.engine("A")
        for config in engine.find("configs"):
            engine.remove("configs", config["ID"])

    def service(self, name: str = "s_store") -> tuple[int, dict[str, str]]:
        """Return how many tasks the service shall have, and what holds it."""
        spec = self.fleet.engine("A").inspect("services", name)["Spec"]
        held = {key: value for key, value in spec["Labels"].items() if key in (HELD_LABEL, HOLDER_LABEL)}
        return spec["Mode"]["Replicated"]["Replicas"], held


@pytest.fixture
def operator(fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CutOff:
    operator = CutOff(fleet, tmp_path, STACK)
    operator.deploy(monkeypatch)
    return operator


def steps(plan: Plan) -> dict[str, set[str]]:
    return {operation.step.key: set(operation.step.after) for operation in plan.operations}


def test_a_service_that_a_cut_off_backup_left_standing_runs_before_the_next_one_takes_its_volume(
    operator: CutOff,
) -> None:
    operator.backup_that_is_cut_off()
    assert operator.service() == (0, {HELD_LABEL: "1", HOLDER_LABEL: "backup"})
    report = operator.backup()
    first, second = operator.shown
    assert steps(first) == {"release:s_store": set(), "wait:s_store": {"release:s_store"}}
    assert "a backup that was cut off left it standing" in first.operations[0].step.reason
    assert steps(second) == {"backup:volume.s_data": set(), "backup:state": {"backup:volume.s_data"}}
    assert report
    assert [volume.name for volume in report.manifest.volumes] == ["s_data"]
    assert operator.service() == (1, {})


def test_the_plan_that_lets_go_is_asked_for_and_nothing_is_done_where_it_is_declined(operator: CutOff) -> None:
    operator.backup_that_is_cut_off()
    assert operator.backup(agrees=lambda _: False) is None
    assert operator.service() == (0, {HELD_LABEL: "1", HOLDER_LABEL: "backup"})
    # Let go, and no backup after all.
    assert operator.backup(agrees=lambda plan: "release:s_store" in steps(plan)) is None
    assert operator.service() == (1, {})
    assert not [*operator.folder.glob("*.age"), *operator.folder.glob(".*")]


def test_what_else_a_backup_is_refused_for_is_told_before_a_service_is_let_go(operator: CutOff) -> None:
    operator.backup_that_is_cut_off()
    hold(operator.fleet.engine("A"), "s_web", "restore")
    with pytest.raises(RefusedError) as refused:
        operator.backup()
    (refusal,) = refused.value.plan.refusals
    assert (refusal.where, refusal.evidence) == ("s_web", "a restore or a rebuild was cut off")
    assert operator.service()[0] == operator.service("s_web")[0] == 0


def test_who_only_reads_is_told_that_a_backup_left_it(operator: CutOff) -> None:
    operator.backup_that_is_cut_off()
    plan = backup_plan(operator.declared.inventory, operator.declared.stack, observe(operator.fleet, kernel="never"),
                       Taking(lambda _: nullcontext(lambda _: None), lambda _: None, lambda _: None))  # fmt: skip
    (refusal,) = plan.refusals
    assert refusal.what == "service s_store stands still since a backup that was cut off"


def test_up_lets_a_service_run_that_a_backup_left_standing(operator: CutOff) -> None:
    operator.backup_that_is_cut_off()
    _, applied = run_once(operator.fleet, operator.declared)
    assert applied.outcomes["service:s_store"].status == "done"
    assert operator.service() == (1, {})


def test_up_gives_no_tasks_back_to_what_waits_for_the_data_of_a_restore(operator: CutOff) -> None:
    hold(operator.fleet.engine("A"), "s_web", "restore")
    plan = plan_on(operator.fleet, operator.declared)
    (refusal,) = plan.refusals
    assert (refusal.code, refusal.where, refusal.evidence) == ("H58", "s_web", "a restore or a rebuild was cut off")
    assert not plan.operations
    # What gets no tasks from this plan is none of its concern, as long as no host joins that would run the database.
    assert not plan_on(operator.fleet, replace(operator.declared, stack=None)).refusals
    assert operator.declared.stack
    other = replace(operator.declared.stack, name="other", networks=(), services=())
    assert not plan_on(operator.fleet, replace(operator.declared, stack=other)).refusals
    operator.fleet.engine("C").leave_swarm(force=True)
    assert refusal in plan_on(operator.fleet, replace(operator.declared, stack=None)).refusals
    assert not plan_on(operator.fleet, replace(operator.declared, data=DeclaredData())).refusals
    _, applied = run_once(operator.fleet, replace(operator.declared, overridden=frozenset({"H58"})))
    assert applied.outcomes["service:s_web"].status == "done"
    assert operator.service("s_web") == (1, {})


def test_tasks_that_somebody_gave_a_held_service_are_kept(operator: CutOff) -> None:
    operator.backup_that_is_cut_off()
    engine = operator.fleet.engine("A")
    service = engine.inspect("services", "s_store")
    service["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    engine.update("services", service["ID"], service["Version"]["Index"], service["Spec"])
    release(engine, "s_store")
    assert operator.service() == (2, {})


def test_a_service_that_a_restore_holds_stays_its_when_a_backup_would_hold_it_too(operator: CutOff) -> None:
    engine = operator.fleet.engine("A")
    assert hold(engine, "s_store", "restore") == 1
    assert hold(engine, "s_store", "backup") == 1
    assert operator.service() == (0, {HELD_LABEL: "1", HOLDER_LABEL: "restore"})
