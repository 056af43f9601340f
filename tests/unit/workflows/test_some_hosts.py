"""A dead host of the inventory: what reads goes on by the others, what needs a few hosts needs these alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes.network_commands import Command, add_container, add_network
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.cli.main import cli
from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import NotConvergedError, SwarmkitError, UnreachableError
from swarmkit.observed.observe import observe
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.progress import Silent
from swarmkit.workflows import export as exporting
from swarmkit.workflows import rollback as taking_back
from swarmkit.workflows.network_run import NetworkRun
from swarmkit.workflows.rollback import rollback
from swarmkit.workflows.run import run_container
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError

WHY = UnreachableError("C: cannot be reached", "no route to host")


@pytest.fixture
def silent() -> dict[str, SwarmkitError]:
    return {"C": WHY}


def inventory_of(fleet: FakeFleet) -> Inventory:
    return Inventory(Path("hosts.yaml"), "prod", tuple(reached.host for reached in fleet.values()))


@pytest.mark.parametrize("words", [("ls", "--json"), ("ls", "-q"), ("plan", "--json"), ("inspect", "app")])
def test_a_list_is_that_of_the_hosts_that_answer_and_ends_with_3_and_the_host_that_does_not(
    fleet: FakeFleet, command: Command, words: tuple[str, ...]
) -> None:
    for host in "BC":
        add_network(fleet, host, "app")
    done = command(*words)
    assert done.exit_code == 3, done.output
    assert "no route to host" in done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["silent"] == ["C"]
    if words == ("ls", "--json"):
        assert {row["name"]: row["hosts"] for row in json.loads(done.stdout)["networks"]}["app"] == ["B"]
    if words[0] == "inspect":
        assert json.loads(done.stdout)["app"].keys() == {"B"}


def test_inspect_on_one_host_needs_that_one_alone(fleet: FakeFleet, command: Command) -> None:
    add_network(fleet, "B", "app")
    assert command("inspect", "app", "--on", "B").exit_code == 0
    assert command("inspect", "app", "--on", "C").exception is WHY


def test_a_container_is_connected_on_a_host_that_answers_and_the_plan_tells_of_the_other(
    fleet: FakeFleet, command: Command, shown: list[Plan]
) -> None:
    add_network(fleet, "B", "app")
    add_container(fleet, "B", "web")
    assert command("connect", "app", "web", "--on", "B").exception is None
    assert [(one.code, one.severity, one.where) for one in shown[0].warnings] == [("D11", "warning", "C")]
    assert command("connect", "app", "web", "--on", "C").exception is WHY
    refused = command("connect", "gone", "web", "--on", "B").exception
    assert isinstance(refused, RefusedError)
    assert refused.plan.refusals[0].evidence.endswith("no answer comes: C"), "it may be C's to tell of it"


def test_run_needs_its_own_host_alone(fleet: FakeFleet, command: Command, shown: list[Plan]) -> None:
    assert command
    run = NetworkRun(inventory_of(fleet), Terms(Silent(), lambda plan: shown.append(plan) is not None))
    wish = ContainerWish(image="img", name="web", places={"bridge": EndpointWish()})
    fleet.engine("B").images["sha256:1"] = ["img"]
    started = run_container(run, "B", wish, detach=True, remove=False, output=lambda *_: None)
    assert not started.started
    assert [one.where for one in shown[0].warnings] == ["C"]
    with pytest.raises(UnreachableError):
        run_container(run, "C", wish, detach=True, remove=False, output=lambda *_: None)


STACK = """
name: s
services:
  web: {image: 'r.example/web:1', environment: {LEVEL: LEVEL_HERE}}
  data: {image: 'r.example/data:1', deploy: {placement: {constraints: [node.hostname == host-c]}}}
"""


@pytest.fixture
def up(fleet: FakeFleet, tmp_path: Path) -> Callable[[str], Declared]:
    def run(level: str, data: str = "1") -> Declared:
        (path := tmp_path / "s.yaml").write_text(STACK.replace("LEVEL_HERE", level).replace("data:1", f"data:{data}"))
        declared = Declared(inventory_of(fleet), load_stack(path, environment={}))
        run_once(fleet, declared)
        return declared

    return run


@contextmanager
def _reached(fleet: FakeFleet, silent: str = "C") -> Iterator[Any]:
    yield fleet.of(name for name in fleet if name not in silent), dict.fromkeys(silent, WHY)


def exported(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, silent: str) -> Result:
    monkeypatch.setattr(exporting, "reach_some", lambda *_, **__: _reached(fleet, silent))
    monkeypatch.setattr(
        "swarmkit.workflows.inputs.read_declared", lambda *_, **__: SimpleNamespace(inventory=inventory_of(fleet))
    )
    (path := tmp_path / "hosts.yaml").write_text("")
    return CliRunner().invoke(cli, ["export", "s", "-i", str(path)])


def test_a_stack_is_exported_by_the_hosts_that_answer(
    fleet: FakeFleet, up: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    up("1")
    done = exported(fleet, monkeypatch, tmp_path, "C")
    assert done.exit_code == 3, done.output
    assert "r.example/data:1" in done.stdout
    assert "it plans to no change" in done.stderr
    assert "no route to host" in done.stderr


def test_without_a_manager_the_hosts_that_may_be_one_are_told(
    fleet: FakeFleet, up: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    up("1")
    error = exported(fleet, monkeypatch, tmp_path, "A").exception
    assert isinstance(error, UnreachableError)
    assert (error.what, "no route to host" in error.why) == ("no manager of a swarm answers", True)


@pytest.fixture
def back(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, shown: list[Plan]) -> Callable[[Declared], Any]:
    def run(declared: Declared, silent: str = "C") -> Any:
        monkeypatch.setattr(taking_back, "reach_some", lambda *_, **__: _reached(fleet, silent))
        monkeypatch.setattr(taking_back, "PROOF_PATIENCE_SECONDS", 0.0)
        terms = Terms(Silent(), lambda plan: shown.append(plan) is None, service_timeout_seconds=2.0)
        return rollback(declared, "s", terms, verify=False)

    return run


def test_a_stack_goes_back_while_a_host_that_it_needs_not_is_dead(
    fleet: FakeFleet, up: Callable[..., Declared], back: Callable[..., Any], shown: list[Plan]
) -> None:
    up("1")
    declared = up("2")
    fleet.cluster.nodes[fleet.engine("C").info()["Swarm"]["NodeID"]]["Status"]["State"] = "down"
    assert back(declared).applied
    cluster = observe(fleet, kernel="never").cluster
    assert cluster
    web = cluster.service("s_web")
    assert web
    assert web.spec["TaskTemplate"]["ContainerSpec"]["Env"] == ["LEVEL=1"]
    assert [one.code for one in shown[0].warnings if one.where == "C"] == ["D11"]


@pytest.fixture
def back_by_command(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Declared], Result]:
    def run(declared: Declared) -> Result:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.setattr(taking_back, "reach_some", lambda *_, **__: _reached(fleet, "C"))
        monkeypatch.setattr("swarmkit.workflows.inputs.read_declared", lambda *_, **__: declared)
        (path := tmp_path / "hosts.yaml").write_text("")
        return CliRunner().invoke(cli, ["rollback", "-i", str(path), "--yes", "--no-verify", "--timeout", "2"])

    return run


def test_a_way_back_without_a_proof_names_the_dead_host_where_nobody_looked(
    up: Callable[..., Declared], back_by_command: Callable[[Declared], Result]
) -> None:
    """It ended with 0 and no word: without a proof nothing told of the host."""
    up("1")
    done = back_by_command(up("2"))
    assert done.exit_code == 0, done.output
    assert "nothing was proved, and nobody looked at C: swarmkit verify proves what is there" in done.stderr


def test_where_nothing_is_to_be_rolled_back_the_dead_host_is_named_too(
    up: Callable[..., Declared], back_by_command: Callable[[Declared], Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    up("1")
    declared = up("2")
    monkeypatch.setattr(taking_back, "_plan", lambda *_: (Plan(()), None))
    done = back_by_command(declared)
    assert done.exit_code == 0, done.output
    assert "nothing was proved, and nobody looked at C" in done.stderr


def test_a_way_back_without_a_proof_is_not_converged_where_a_service_can_run_on_a_dead_host_alone(
    fleet: FakeFleet, up: Callable[..., Declared], back_by_command: Callable[[Declared], Result]
) -> None:
    up("1")
    declared = up("2")
    fleet.cluster.nodes[fleet.engine("C").info()["Swarm"]["NodeID"]]["Status"]["State"] = "down"
    error = back_by_command(declared).exception
    assert isinstance(error, NotConvergedError)
    assert (error.what, error.exit_code) == ("s_data: cannot run but on C, which does not answer", 4)


def test_a_service_that_only_a_dead_host_could_run_is_refused_by_the_name_of_the_host(
    fleet: FakeFleet, up: Callable[..., Declared], back: Callable[..., Any]
) -> None:
    up("1")
    declared = up("1", data="2")
    fleet.cluster.nodes[fleet.engine("C").info()["Swarm"]["NodeID"]]["Status"]["State"] = "down"
    with pytest.raises(RefusedError) as caught:
        back(declared)
    (refusal,) = caught.value.plan.refusals
    assert (refusal.where, refusal.what) == (
        "s_data", "it can be taken back on C alone, which does not answer",
    )  # fmt: skip


def test_without_a_manager_nothing_goes_back(up: Callable[..., Declared], back: Callable[..., Any]) -> None:
    with pytest.raises(UnreachableError, match="no manager of a swarm answers"):
        back(up("1"), silent="A")
