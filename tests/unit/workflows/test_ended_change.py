"""Where the way back leads once a change has come to its end, and others change the stack by hand after it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Service, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.record import ENDED_LABEL
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan
from swarmkit.proof import Proof
from swarmkit.workflows.ended_change import note_end
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import UpReport, up

INVENTORY = Inventory(Path("inventory.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))


def declared(level: str) -> Declared:
    services = (Service("web", "r.example/web:1", environment={"LEVEL": level}), Service("other", "r.example/other:1"))
    return Declared(INVENTORY, Stack(Path("stack.yaml"), "s", services), prune=True)


@pytest.fixture
def changed() -> FakeFleet:
    """Return hosts whose stack was at 1, and has come to 2."""
    fleet = fake_fleet(INVENTORY)
    for level in "12":
        run_once(fleet, declared(level))
        end(fleet)
    return fleet


def end(fleet: FakeFleet) -> None:
    observed = observe(fleet, kernel="never")
    with one_writer(fleet, observed, Silent(), "up", 0) as writer:
        note_end(fleet, observed, "s", writer)


def set_level(fleet: FakeFleet, level: str) -> None:
    """Update the service web as docker service update does."""
    live = fleet.cluster.resolve("services", "s_web")
    task = live["Spec"]["TaskTemplate"]
    container = {**task["ContainerSpec"], "Env": [f"LEVEL={level}"]}
    spec = {**live["Spec"], "TaskTemplate": {**task, "ContainerSpec": container}}
    fleet.engine("A").update("services", live["ID"], live["Version"]["Index"], spec)


def level_after_rollback(fleet: FakeFleet) -> str:
    plan, _ = make_rollback_plan(INVENTORY, "s", observe(fleet, kernel="never"), {})
    assert plan.refusals == ()
    assert apply(plan, Context(fleet, Silent(), "A", lambda name, _: name)).failed == ()
    return str(fleet.cluster.resolve("services", "s_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"])


@pytest.mark.parametrize("by_hand", ["hotfix", "1"])
def test_what_an_up_took_back_is_what_ran_before_it(changed: FakeFleet, by_hand: str) -> None:
    """The same file again took a hotfix back, and the way back led to what ran before the file's first run."""
    set_level(changed, by_hand)
    run_once(changed, declared("2"))
    assert level_after_rollback(changed) == f"['LEVEL={by_hand}']"


def test_a_run_that_goes_on_with_one_that_was_cut_off_keeps_where_the_way_back_leads() -> None:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, declared("1"))
    end(fleet)
    run_once(fleet, declared("2"))
    set_level(fleet, "1")
    run_once(fleet, declared("2"))
    assert level_after_rollback(fleet) == "['LEVEL=1']"


def test_tasks_that_are_made_anew_are_no_change_to_go_back_from(changed: FakeFleet) -> None:
    live = changed.cluster.resolve("services", "s_web")
    live["Spec"]["TaskTemplate"]["ForceUpdate"] = 7
    assert plan_on(changed, declared("2")).is_empty
    end(changed)
    assert level_after_rollback(changed) == "['LEVEL=1']"


def test_a_hotfix_is_what_runs_before_another_file(changed: FakeFleet) -> None:
    set_level(changed, "hotfix")
    run_once(changed, declared("3"))
    assert level_after_rollback(changed) == "['LEVEL=hotfix']"


@pytest.fixture
def proved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What `up` has proved on hosts that it reaches, each time it did."""
    times: list[str] = []

    def prove(*_: object, **__: object) -> Proof:
        times.append("proved")
        return Proof((Finding("V05", "error", "a@A -> b", "a does not reach b"),) if times[:1] == ["broken"] else ())

    monkeypatch.setattr("swarmkit.verify.prove.prove", prove)
    return times


def bring_up(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, level: str = "2", *, verify: bool = True) -> UpReport:
    @contextmanager
    def reached(*_: object, **__: object) -> Iterator[tuple[FakeFleet, dict[str, SwarmkitError]]]:
        yield fleet, {}

    monkeypatch.setattr("swarmkit.workflows.up.reach_with_leaving", reached)
    return up(declared(level), Terms(Silent(), lambda _: True), verify=verify)


def test_a_change_that_no_run_has_seen_through_is_proved_though_all_of_it_is_written(
    changed: FakeFleet, proved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a run that lost its leader right after its write, the next one had nothing to do, and no name resolved."""
    assert bring_up(changed, monkeypatch).plan.is_empty
    assert proved == []

    record = next(one for one in changed.cluster.objects["configs"].values() if ENDED_LABEL in one["Spec"]["Labels"])
    del record["Spec"]["Labels"][ENDED_LABEL]
    assert bring_up(changed, monkeypatch).plan.is_empty
    assert proved == ["proved"]
    assert bring_up(changed, monkeypatch).plan.is_empty
    assert proved == ["proved"], "it is noted that this one has seen it through"


def test_a_proof_that_did_not_hold_is_made_again_until_it_does(
    changed: FakeFleet, proved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run after the one that ended with 4 had nothing to do, and ended with 0."""
    proved.append("broken")
    assert bring_up(changed, monkeypatch, "3").proof_failed
    again = bring_up(changed, monkeypatch, "3")
    assert again.plan.is_empty
    assert again.proof_failed
    assert bring_up(changed, monkeypatch, "3", verify=False).findings == ()
    proved[:] = ["whole"]
    assert not bring_up(changed, monkeypatch, "3").proof_failed
    assert proved == ["whole", "proved"]
    bring_up(changed, monkeypatch, "3")
    assert proved == ["whole", "proved"], "it is noted that the proof holds"


def test_a_change_after_one_whose_proof_did_not_hold_begins_without_that(
    changed: FakeFleet, proved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    proved.append("broken")
    bring_up(changed, monkeypatch, "3")
    proved[:] = ["whole"]
    bring_up(changed, monkeypatch, "4")
    bring_up(changed, monkeypatch, "4")
    assert proved == ["whole", "proved"]
