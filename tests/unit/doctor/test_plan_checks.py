"""What a plan would meet on the hosts: a port of the routing mesh taken anywhere, another where a task may run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, write_archive

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.image_archive import read_image_archive
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.doctor.plan_checks import plan_findings
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.planner import make_plan
from swarmkit.reach.ssh import CommandResult

LISTENS = "tcp 0: 00000000:1F90 00000000:0000 0A 00000000:00000000"


PLACED = "deploy: {placement: {constraints: [node.labels.role == frontend]}}"


@pytest.mark.parametrize(
    ("port", "found"),
    [
        ("'8080:80'", ["port 8080/tcp of web is taken on C"]),
        ("{target: 80, published: 8080, mode: host}", []),
        ("'8081:80'", []),
        ("'8080:80/udp'", []),
    ],
)
def test_a_port_that_a_process_of_a_host_has_is_told(
    fleet: FakeFleet, tmp_path: Path, port: str, found: list[str]
) -> None:
    run_once(fleet, declared(fleet))
    listen(fleet)
    assert told(fleet, declared(fleet, tmp_path, port)) == found


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("'8081:80'", "'8081:80', '8080:80'", ["port 8080/tcp of web is taken on C"]),
        ("'8080:80'", "'8080:80', '8081:80'", []),
        ("'8080:80'", "'8080:81'", []),
    ],
)
def test_an_update_is_told_of_the_ports_that_it_adds(
    fleet: FakeFleet, tmp_path: Path, before: str, after: str, found: list[str]
) -> None:
    run_once(fleet, declared(fleet, tmp_path, before))
    listen(fleet)
    assert told(fleet, declared(fleet, tmp_path, after)) == found


def declared(fleet: FakeFleet, folder: Path | None = None, ports: str = "") -> Declared:
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    if folder is None:
        return Declared(inventory)
    path = folder / "s.yaml"
    path.write_text(f"services: {{web: {{image: 'r.example/web:1', ports: [{ports}], {PLACED}}}}}\n")
    return Declared(inventory, load_stack(path, environment={}))


def listen(fleet: FakeFleet) -> None:
    """Have something on C listen on 8080/tcp."""
    shell = fleet["C"].shell
    assert isinstance(shell, FakeShell)
    shell.answer = lambda *_: CommandResult(0, LISTENS, "")


def told(fleet: FakeFleet, wish: Declared) -> list[str]:
    observed = observe(fleet, kernel="never")
    plan = make_plan(wish, observed)
    assert plan.writes
    found = plan_findings(fleet, plan, wish.inventory, wish.stack, observed)
    assert {finding.code for finding in found} <= {"H80"}
    return [finding.what for finding in found]


def publish(fleet: FakeFleet, of: str, mode: str) -> None:
    """Have the service front of stack *of* publish 8080/tcp, in host mode by a task on C."""
    ports = [{"PublishedPort": 8080, "TargetPort": 80, "Protocol": "tcp", "PublishMode": mode}]
    spec = {
        "Name": f"{of}_front",
        "Labels": {"com.docker.stack.namespace": of},
        "TaskTemplate": {"ContainerSpec": {"Image": "x:1"}},
        "EndpointSpec": {"Ports": ports},
    }
    fleet.engine("A").create("services", spec)
    listen(fleet)
    if mode == "host":
        task = {"com.docker.swarm.service.name": f"{of}_front"}
        ports = [{"PublicPort": 8080, "Type": "tcp"}]
        fleet.engine("C").containers["1"] = {"Id": "1", "State": "running", "Labels": task, "Ports": ports}


@pytest.mark.parametrize("mode", ["ingress", "host"])
@pytest.mark.parametrize(("of", "remedy"), [("shop", "--stack shop"), ("s", "up --prune")])
def test_a_port_that_another_service_publishes_is_told_with_its_name(
    fleet: FakeFleet, tmp_path: Path, of: str, remedy: str, mode: str
) -> None:
    run_once(fleet, declared(fleet))
    publish(fleet, of, mode)
    wish = declared(fleet, tmp_path, "'8080:80'")
    observed = observe(fleet, kernel="never")
    (found,) = plan_findings(fleet, make_plan(wish, observed), wish.inventory, wish.stack, observed)
    assert (found.code, remedy in found.remedy) == ("H80", True)


@pytest.mark.parametrize("mode", ["ingress", "host"])
@pytest.mark.parametrize(("of", "count"), [("shop", 1), ("s", 0)])
def test_a_port_that_the_plan_hands_over_is_not_taken(
    fleet: FakeFleet, tmp_path: Path, of: str, count: int, mode: str
) -> None:
    run_once(fleet, declared(fleet))
    publish(fleet, of, mode)
    wish = replace(declared(fleet, tmp_path, "'8080:80'"), prune=True)
    assert len(told(fleet, wish)) == count


@pytest.mark.parametrize(
    ("network", "exposed", "told_of"),
    [
        ("host", "8080/tcp", [("H80", "port 8080/tcp of web is taken on C")]),
        ("host", "8080/udp", []),
        ("wide", "8080/tcp", []),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_service_on_the_hosts_own_network_is_told_of_the_ports_its_image_listens_on(
    fleet: FakeFleet, tmp_path: Path, network: str, exposed: str, told_of: list[tuple[str, str]], is_there: bool
) -> None:
    run_once(fleet, declared(fleet))
    fleet.engine("A").create("networks", {"Name": "wide", "Driver": "overlay", "Options": {"encrypted": ""}})
    if is_there:
        run_once(fleet, declared(fleet, tmp_path, ""))
    listen(fleet)
    for engine in fleet.engines:
        engine.images["sha256:web"], engine.exposed["sha256:web"] = ["r.example/web:1"], [exposed]
    wish = Declared(declared(fleet).inventory, on_network(network, tmp_path))
    observed = observe(fleet, kernel="never")
    found = plan_findings(fleet, make_plan(wish, observed), wish.inventory, wish.stack, observed)
    assert [(one.code, one.what) for one in found] == told_of
    assert all("has the host's own ports" in one.evidence for one in found)


def on_network(network: str, folder: Path) -> Stack:
    path = folder / "s.yaml"
    path.write_text(
        "services: {web: {image: 'r.example/web:1', networks: [own]}}\n"
        f"networks: {{own: {{external: true, name: {network}}}}}\n"
    )
    return load_stack(path, environment={})


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_the_ports_of_an_image_are_known_before_the_host_has_it(
    fleet: FakeFleet, tmp_path: Path, is_elsewhere: bool
) -> None:
    """They were asked of the host's own engine alone: the first `up` was told of none, and its tasks ended."""
    run_once(fleet, declared(fleet))
    listen(fleet)
    archives = {}
    if is_elsewhere:
        fleet.engine("A").images["sha256:web"] = ["r.example/web:1"]
        fleet.engine("A").exposed["sha256:web"] = ["8080/tcp"]
    else:
        write_archive(tmp_path / "web.tar", "r.example/web:1", exposed="8080/tcp")
        archives = {"r.example/web:1": read_image_archive(tmp_path / "web.tar")}
    wish = Declared(declared(fleet).inventory, on_network("host", tmp_path), archives)
    observed = observe(fleet, kernel="never")
    (found,) = plan_findings(fleet, make_plan(wish, observed), wish.inventory, wish.stack, observed)
    assert (found.code, found.what) == ("H80", "port 8080/tcp of web is taken on C")


def test_the_archive_that_a_host_is_sent_says_more_than_another_hosts_image_of_that_tag(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    run_once(fleet, declared(fleet))
    listen(fleet)
    fleet.engine("A").images["sha256:web"] = ["r.example/web:1"]
    fleet.engine("A").exposed["sha256:web"] = ["8080/tcp"]
    write_archive(tmp_path / "web.tar", "r.example/web:1", exposed="9090/tcp")
    archives = {"r.example/web:1": read_image_archive(tmp_path / "web.tar")}
    wish = Declared(declared(fleet).inventory, on_network("host", tmp_path), archives)
    observed = observe(fleet, kernel="never")
    assert not plan_findings(fleet, make_plan(wish, observed), wish.inventory, wish.stack, observed)


@pytest.mark.parametrize(("mode", "count"), [("ingress", 1), ("host", 0)])
def test_a_port_of_the_mesh_is_another_service_s_also_while_that_has_no_tasks(
    fleet: FakeFleet, tmp_path: Path, mode: str, count: int
) -> None:
    run_once(fleet, declared(fleet))
    publish(fleet, "shop", mode)
    shell = fleet["C"].shell
    assert isinstance(shell, FakeShell)
    shell.answer = lambda *_: CommandResult(0, "", "")
    fleet.engine("C").containers.clear()
    wish = declared(fleet, tmp_path, "{target: 80, published: 8080, mode: host}")
    assert len(told(fleet, wish)) == count
