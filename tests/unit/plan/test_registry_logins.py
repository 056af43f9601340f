"""Logins at registries: sent with services and kept by the swarm, told by name alone, renewed without a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.converge.wait import wakeups
from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared, RegistryLogins
from swarmkit.plan.model import Applied, Outcome, OutcomeStatus, Plan, Step
from swarmkit.plan.networks.moves import MoveService
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.operations import CreateService, UpdateService
from swarmkit.plan.stacks.registry_logins import SendLogin, having_sent
from swarmkit.report.plan_json import plan_as_json
from swarmkit.secret import Secret
from swarmkit.workflows.one_writer import one_writer
from swarmkit.workflows.planning import plan_for
from swarmkit.workflows.up import apply_rounds
from swarmkit.workflows.waiting import Waiter

OLD, NEW, NOBODY = Secret(b"b2xk-passw0rd"), Secret(b"bmV3-passw0rd"), Secret(b"e30=")
TWO = """
services:
  web: {image: 'r.example/web:1', depends_on: [data]}
  data: {image: 'other.example/data:1'}
"""


def declared(fleet: FakeFleet, folder: Path, file: str = TWO, **logins: Secret) -> Declared:
    """Return the stack ``s``, with logins at NAME.example when there are any."""
    path = folder / "s.yaml"
    path.write_text(file)
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    headers = {f"{name}.example": value for name, value in logins.items()}
    stack = load_stack(path, environment={})
    return Declared(inventory, stack, logins=RegistryLogins(headers) if headers else None)


def kept(fleet: FakeFleet) -> dict[str, Secret]:
    """Return the login that the swarm has for each service."""
    services = fleet.cluster.objects["services"]
    return {services[one]["Spec"]["Name"]: login for one, login in fleet.cluster.logins.items()}


def running(fleet: FakeFleet) -> dict[str, set[str]]:
    services = fleet.cluster.objects["services"].values()
    return {one["Spec"]["Name"]: {task["ID"] for task in fleet.cluster.live_tasks(one)} for one in services}


def sent(plan: Plan) -> list[str]:
    return [operation.step.target for operation in plan.operations if isinstance(operation, SendLogin)]


def test_each_service_is_made_with_the_login_for_its_own_registry(fleet: FakeFleet, tmp_path: Path) -> None:
    plan, applied = run_once(fleet, declared(fleet, tmp_path, r=OLD))
    assert not applied.failed
    assert kept(fleet) == {"s_web": OLD}
    reasons = {op.step.target: op.step.reason for op in plan.operations if isinstance(op, CreateService)}
    assert reasons["s_web"].endswith("; with the login for r.example")
    assert "login" not in reasons["s_data"]
    (warning,) = [one for one in plan.warnings if one.code == "H69"]
    assert (warning.where, warning.evidence) == ("other.example", "other.example/data:1")
    assert warning.remedy.endswith("docker login other.example")


@pytest.mark.parametrize("state", ["updating", "paused", "rollback_started", "rollback_paused"])
def test_an_update_that_stands_still_or_runs_is_not_begun_anew_by_a_login(
    fleet: FakeFleet, tmp_path: Path, state: str
) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD))
    (web,) = [one for one in fleet.cluster.objects["services"].values() if one["Spec"]["Name"] == "s_web"]
    web["UpdateStatus"] = {"State": state}
    plan = plan_on(fleet, declared(fleet, tmp_path, r=NEW))
    assert sent(plan) == []
    (warning,) = [one for one in plan.warnings if one.where == "s_web"]
    assert (warning.code, warning.evidence) == ("H69", f"the update is {state.replace('_', ' ')}")
    web["UpdateStatus"] = {"State": "completed"}
    assert sent(plan_on(fleet, declared(fleet, tmp_path, r=NEW))) == ["s_web"]


def test_without_the_option_nothing_is_sent_told_or_lost(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD, other=NEW))
    assert plan_on(fleet, declared(fleet, tmp_path)).is_empty
    changed = TWO.replace("web:1", "web:2")
    plan, applied = run_once(fleet, declared(fleet, tmp_path, changed))
    assert not applied.failed
    assert [op.step.target for op in plan.operations if isinstance(op, UpdateService)] == ["s_web"]
    assert not [one for one in plan.warnings if one.code == "H69"]
    assert kept(fleet) == {"s_web": OLD, "s_data": NEW}


def test_what_nothing_changes_gets_its_login_anew_and_goes_on_running(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD, other=OLD))
    before = running(fleet)
    changed = TWO.replace("data:1", "data:2")
    plan, applied = run_once(fleet, declared(fleet, tmp_path, changed, r=NEW, other=NEW))
    assert not applied.failed
    assert sent(plan) == ["s_web"]
    assert kept(fleet) == {"s_web": NEW, "s_data": NEW}
    assert running(fleet)["s_web"] == before["s_web"]
    assert running(fleet)["s_data"] != before["s_data"]
    records = set(fleet.cluster.objects["configs"])
    plan, _ = run_once(fleet, declared(fleet, tmp_path, changed, r=OLD))
    assert sent(plan) == [op.step.target for op in plan.writes] == ["s_web"]
    assert kept(fleet) == {"s_web": OLD, "s_data": NEW}
    assert set(fleet.cluster.objects["configs"]) == records, "what runs did not change: no note for a rollback"


def test_a_login_is_not_shown_to_the_next_registry(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD, other=OLD))
    moved = TWO.replace("r.example/web:1", "new.example/web:1")
    plan, _ = run_once(fleet, declared(fleet, tmp_path, moved, other=NEW))
    assert kept(fleet) == {"s_web": NOBODY, "s_data": NEW}
    (update,) = [op.step for op in plan.operations if isinstance(op, UpdateService)]
    assert update.reason.endswith("without a login: one for r.example is dropped")


def test_who_depends_on_a_service_that_lacked_its_login_waits_for_it_to_have_it(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    run_once(fleet, Declared(declared(fleet, tmp_path).inventory))
    fleet.cluster.registries["other.example"] = NEW
    run_once(fleet, declared(fleet, tmp_path, "services:\n  data: {image: 'other.example/data:1'}\n"))
    (data,) = fleet.cluster.objects["services"].values()
    assert {task["Status"]["State"] for task in fleet.cluster.tasks.values()} == {"rejected"}
    plan, applied = run_once(fleet, declared(fleet, tmp_path, other=NEW))
    assert not applied.failed
    assert sent(plan) == ["s_data"]
    after = {op.step.key: op.step.after for op in plan.operations}
    assert "login:s_data" in after["wait:s_data"]
    assert "wait:s_data" in after["service:s_web"]
    assert len(fleet.cluster.live_tasks(data)) == 1


def test_only_what_made_or_updated_a_service_has_sent_its_login(fleet: FakeFleet, tmp_path: Path) -> None:
    wish = declared(fleet, tmp_path, r=OLD)
    steps = [
        Step("login:a", "service", "update", "a", ""), Step("wait:b", "service", "wait", "b", ""),
        Step("service:c", "service", "create", "c", ""), Step("service:d", "service", "update", "d", ""),
    ]  # fmt: skip
    statuses: list[OutcomeStatus] = ["done", "done", "done", "unknown"]
    outcomes = {step.key: Outcome(step, status) for step, status in zip(steps, statuses, strict=True)}
    logins = having_sent(wish, [Applied(outcomes)]).logins
    assert logins is not None
    assert logins.sent == {"a", "c"}


@pytest.mark.parametrize("behaviour", ["run", "crash"])
def test_a_job_that_is_done_is_not_run_again_for_a_login(fleet: FakeFleet, tmp_path: Path, behaviour: str) -> None:
    job = """
services:
  job: {image: 'r.example/job:1', deploy: {mode: replicated-job, restart_policy: {condition: none}}}
"""
    run_once(fleet, Declared(declared(fleet, tmp_path).inventory))
    fleet.cluster.behaviour["s_job"] = behaviour  # type: ignore[assignment]
    run_once(fleet, declared(fleet, tmp_path, job, r=OLD))
    for _ in range(3):
        fleet.engine("A").find("tasks")
    plan, _ = run_once(fleet, declared(fleet, tmp_path, job, r=NEW))
    assert sent(plan) == ([] if behaviour == "run" else ["s_job"])


def test_a_run_sends_a_login_once(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD, other=OLD))
    wish = declared(fleet, tmp_path, TWO.replace("data:1", "data:2"), r=NEW, other=NEW)
    plan, observed = plan_for(wish, fleet)
    with wakeups(fleet) as woken, one_writer(fleet, observed, Silent(), "up", 0) as writer:
        rounds, _ = apply_rounds(plan, wish, fleet, observed, Waiter(fleet, woken, Silent(), 5.0), writer)
    assert len(rounds) == 1
    assert kept(fleet) == {"s_web": NEW, "s_data": NEW}
    assert sorted(sent(plan_on(fleet, wish))) == ["s_data", "s_web"], "the next run sends them again"


def test_a_service_that_others_changed_meanwhile_is_left_alone(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD))
    plan = plan_on(fleet, declared(fleet, tmp_path, r=NEW))
    (service,) = [one for one in fleet.cluster.objects["services"].values() if one["Spec"]["Name"] == "s_web"]
    service["Spec"]["Labels"]["by"] = "others"
    (operation,) = [op for op in plan.operations if isinstance(op, SendLogin)]
    with pytest.raises(SwarmkitError, match="changed by others"):
        operation.run(Context(fleet, Silent(), "A"))
    assert kept(fleet) == {"s_web": OLD}


def test_no_login_is_in_what_a_plan_or_a_journal_shows(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, r=OLD, other=OLD))
    wish = declared(fleet, tmp_path, TWO.replace("data:1", "data:2"), r=NEW, other=NEW)
    plan = plan_on(fleet, wish)
    shown = [repr(plan), repr(wish), str(plan_as_json(plan)), repr([op.step for op in plan.operations])]
    assert not [text for text in shown if NEW.text() in text]
    assert any("send the registry's login" in text for text in shown)


@pytest.mark.parametrize(
    ("image", "registry"),
    [("team/app:1", "docker.io"), ("docker.io/team/app", "docker.io"), ("nginx:1", ""), ("docker.io/library/nginx", ""),
     ("localhost:5000/app", "localhost:5000")],
)  # fmt: skip
def test_official_images_need_no_login(fleet: FakeFleet, tmp_path: Path, image: str, registry: str) -> None:
    wish = declared(fleet, tmp_path, f"services: {{web: {{image: '{image}'}}}}\n", r=OLD)
    told = [one.where for one in plan_on(fleet, wish).warnings if one.code == "H69"]
    assert told == ([registry] if registry else [])


def test_a_move_to_another_network_takes_the_login_along(fleet: FakeFleet, tmp_path: Path) -> None:
    file = """
services: {web: {image: 'r.example/web:1', networks: [net]}}
networks: {net: {driver_opts: {encrypted: ''}}}
"""
    run_once(fleet, declared(fleet, tmp_path, file, r=OLD))
    changed = file.replace("encrypted: ''", "encrypted: '', com.docker.network.driver.mtu: '1400'")
    wish = declared(fleet, tmp_path, changed, r=NEW)
    plan, applied = run_once(fleet, replace(wish, recreate_networks=True))
    assert not applied.failed
    assert [op.registry_auth for op in plan.operations if isinstance(op, MoveService)] == [NEW]
    assert kept(fleet) == {"s_web": NEW}
