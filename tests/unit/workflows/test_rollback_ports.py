"""A way back to a state that published a port which something else has taken since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.finding import Finding
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult
from swarmkit.workflows import rollback as taking_back
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError

LISTENS = "tcp 0: 00000000:1F90 00000000:0000 0A 00000000:00000000"
PLACED = "deploy: {placement: {constraints: [node.labels.role == frontend]}}"


def declared(fleet: FakeFleet, folder: Path, ports: str) -> Declared:
    (path := folder / "s.yaml").write_text(
        f"services: {{web: {{image: 'r.example/web:1', ports: [{ports}], {PLACED}}}}}\n"
    )
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(path, name="s", environment={}))


def listen(fleet: FakeFleet, host: str) -> None:
    """Have something on *host* listen on 8080/tcp."""
    shell = fleet[host].shell
    assert isinstance(shell, FakeShell)
    shell.answer = lambda *_: CommandResult(0, LISTENS, "")


def publish_by_another_stack(fleet: FakeFleet) -> None:
    ports = [{"PublishedPort": 8080, "TargetPort": 80, "Protocol": "tcp", "PublishMode": "ingress"}]
    spec = {
        "Name": "other_front",
        "Labels": {"com.docker.stack.namespace": "other"},
        "TaskTemplate": {"ContainerSpec": {"Image": "x:1"}},
        "EndpointSpec": {"Ports": ports},
    }
    fleet.engine("A").create("services", spec)


def refusals(fleet: FakeFleet, wish: Declared, monkeypatch: pytest.MonkeyPatch) -> tuple[Finding, ...]:
    """Roll back; return why it is refused."""

    @contextmanager
    def reached(*_: Any, **__: Any) -> Iterator[Any]:
        yield fleet, {}

    monkeypatch.setattr(taking_back, "reach_some", reached)
    try:
        taking_back.rollback(wish, "s", Terms(Silent(), lambda _: True), verify=False)
    except RefusedError as error:
        return error.plan.refusals
    return ()


def test_a_port_that_another_stack_has_taken_since_is_told_with_its_service(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_once(fleet, declared(fleet, tmp_path, "'8080:80'"))
    wish = declared(fleet, tmp_path, "'8081:80'")
    run_once(fleet, wish)
    publish_by_another_stack(fleet)
    for host in fleet:
        listen(fleet, host)
    found = refusals(fleet, wish, monkeypatch)
    assert [(one.code, one.where, one.what) for one in found] == [
        ("H80", host, f"port 8080/tcp of web is taken on {host}") for host in "ABC"
    ]
    assert {one.evidence for one in found} == {"the service other_front publishes it"}
    assert "roll back again" in found[0].remedy


@pytest.mark.parametrize(("host", "count"), [("A", 1), ("C", 0)])
def test_a_port_in_host_mode_is_looked_for_where_the_service_may_run(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, count: int
) -> None:
    run_once(fleet, declared(fleet, tmp_path, "{target: 80, published: 8080, mode: host}"))
    wish = declared(fleet, tmp_path, "'8081:80'")
    run_once(fleet, wish)
    listen(fleet, host)
    assert len(refusals(fleet, wish, monkeypatch)) == count


def test_a_port_that_it_has_now_is_not_taken(fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_once(fleet, declared(fleet, tmp_path, "'8080:80'"))
    wish = declared(fleet, tmp_path, "'8080:81'")
    run_once(fleet, wish)
    listen(fleet, "A")
    assert refusals(fleet, wish, monkeypatch) == ()
