"""Engines without a part in their swarm's gossip, and such as keep the port of a swarm that they left."""

from __future__ import annotations

import importlib.resources
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.observed.parse import system_facts
from swarmkit.plan.declaration import Declared
from swarmkit.plan.engines import gossip, started_engine
from swarmkit.plan.planner import make_plan
from swarmkit.reach.ssh import CommandResult

HEARD = "heard"
KEPT = f"""{HEARD}
tcp LISTEN 0 4096 *:7946 *:* users:(("dockerd",pid=827,fd=32))
udp UNCONN 0 0    *:7946 *:* users:(("dockerd",pid=827,fd=33))"""
STACK = """
services:
  web: {image: 'r.example/web:1', networks: [app]}
networks: {app: {}}
"""
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
"""


def declared_of(fleet: FakeFleet, stack: Path | None = None) -> Declared:
    hosts = tuple(reached.host for reached in fleet.values())
    return Declared(Inventory(Path("hosts.yaml"), "prod", hosts), load_stack(stack, environment={}) if stack else None)


def relabelled(fleet: FakeFleet, host: str) -> Declared:
    declared = declared_of(fleet)
    hosts = tuple(replace(one, labels={"rack": "7"}) if one.name == host else one for one in declared.inventory.hosts)
    return replace(declared, inventory=replace(declared.inventory, hosts=hosts))


@pytest.fixture
def made(fleet: FakeFleet) -> FakeFleet:
    """Three nodes whose engines hear each other."""
    for reached in fleet.values():
        fleet.engine(reached.host.name).machine.addresses["172.17.0.1"] = "docker0"
        fleet.engine(reached.host.name).machine.gossip = ""
    run_once(fleet, declared_of(fleet))
    for name in fleet:
        fleet.engine(name).machine.gossip = HEARD
    return fleet


def looked_at(fleet: FakeFleet) -> Observed:
    return observe(fleet, kernel="never")


def keys(fleet: FakeFleet, stack: Path | None = None) -> dict[str, frozenset[str]]:
    plan = make_plan(declared_of(fleet, stack), looked_at(fleet))
    return {operation.step.key: operation.step.after for operation in plan.operations}


def test_nodes_that_hear_each_other_are_left_alone(made: FakeFleet) -> None:
    assert keys(made) == {}


def test_a_node_that_hears_no_other_is_started_again_before_anything_is_deployed(
    made: FakeFleet, tmp_path: Path
) -> None:
    """It is ready, and its tasks are rejected, or get no answer of another host: nothing told of it beforehand."""
    made.engine("B").machine.gossip = ""
    assert list(keys(made)) == ["agent:B"]
    (path := tmp_path / "s.yaml").write_text(STACK)
    planned = keys(made, path)
    assert "agent:B" in next(after for key, after in planned.items() if "network" in key)


def test_two_of_them_are_started_one_after_the_other(made: FakeFleet) -> None:
    made.engine("A").machine.gossip = made.engine("C").machine.gossip = ""
    assert keys(made) == {"agent:A": frozenset(), "agent:C": frozenset({"agent:A"})}


def test_nothing_joins_or_is_written_by_a_manager_that_is_about_to_be_started_again(made: FakeFleet) -> None:
    made.engine("A").machine.gossip = ""
    made.engine("C").leave_swarm(force=True)
    plan = make_plan(relabelled(made, "B"), looked_at(made))
    after = {operation.step.key: operation.step.after for operation in plan.operations}
    assert after.pop("agent:A") == frozenset()
    assert len(after) >= 2
    assert all("agent:A" in before or before & after.keys() for before in after.values())


def test_a_host_where_the_engines_ports_cannot_be_seen_is_left_alone(made: FakeFleet) -> None:
    """An engine in a namespace of its own listens there."""
    machine = made.engine("B").machine
    machine.gossip = ""
    del machine.addresses["172.17.0.1"]
    assert keys(made) == {}
    machine.addresses["172.18.0.1"] = "docker_gwbridge"
    machine.gossip = None
    assert keys(made) == {}


@pytest.mark.parametrize("is_late", [True, False])
def test_an_engine_that_is_only_late_is_not_started_again(
    made: FakeFleet, monkeypatch: pytest.MonkeyPatch, *, is_late: bool
) -> None:
    monkeypatch.setattr(started_engine, "AGENT_TIMEOUT_SECONDS", 0.1)
    made.engine("A").machine.gossip = ""
    shell, restarts = made.hosts["A"].shell, list[str]()

    def answer(script: str, _arguments: tuple[str, ...]) -> CommandResult:
        if "systemctl restart docker" in script:
            restarts.append(script)
        return CommandResult(0 if restarts or is_late or "/proc/net/tcp" not in script else 1, "", "")

    shell.answer = answer
    aside: list[str] = []
    step_aside = gossip.step_aside
    monkeypatch.setattr(gossip, "step_aside", lambda *asked: aside.append(asked[1]) or step_aside(*asked))
    applied = run_once(made, declared_of(made))[1]
    assert [(one.status, one.note) for one in applied.outcomes.values()] == [
        (
            "done",
            "its engine hears other nodes by now"
            if is_late
            else "restarts of its engine until it heard other nodes: 1",
        )
    ]
    assert len(restarts) == (0 if is_late else 1)
    # It is refused where no quorum would be left, and gives the writes to another manager.
    assert aside == ([] if is_late else ["A"])


def test_an_engine_that_keeps_the_port_of_a_swarm_it_left_is_started_again_before_it_joins(fleet: FakeFleet) -> None:
    """Joined, it is a ready node without gossip, for its new agent finds the port taken; so it was refused (D10)."""
    for name in "AC":
        fleet.engine(name).machine.gossip = KEPT
    planned = keys(fleet)
    assert "port:A" in planned["swarm:init"]
    assert planned["join:C"] == {"swarm:init", "port:C"}
    assert planned["join:B"] == {"swarm:init"}
    restarts: list[str] = []
    for name in "AC":
        fleet.hosts[name].shell.answer = told(name, restarts)
    run_once(fleet, declared_of(fleet))
    assert sorted(restarts) == ["A", "C"]


def told(name: str, restarts: list[str]) -> Callable[[str, tuple[str, ...]], CommandResult]:
    def answer(script: str, _arguments: tuple[str, ...]) -> CommandResult:
        if "restart_engine" in script:
            restarts.append(name)
        return CommandResult(0, "", "")

    return answer


def test_an_engine_that_runs_containers_is_not_started_again_for_a_port(fleet: FakeFleet) -> None:
    fleet.engine("C").machine.gossip = KEPT
    seen = looked_at(fleet)
    busy = replace(seen.hosts["C"], engine=replace(seen.hosts["C"].engine, running_containers=1))
    plan = make_plan(declared_of(fleet), replace(seen, hosts={**seen.hosts, "C": busy}))
    assert "port:C" not in [operation.step.key for operation in plan.operations]


@pytest.mark.parametrize(
    "holder", ["", 'users:(("nginx",pid=17,fd=3))', 'users:(("dockerd",pid=8,fd=3),("x",pid=9,fd=3))']
)
def test_a_port_that_is_not_the_engines_alone_is_none_that_its_start_frees(fleet: FakeFleet, holder: str) -> None:
    fleet.engine("C").machine.gossip = f"{HEARD}\ntcp LISTEN 0 4096 *:7946 *:* {holder}"
    assert "port:C" not in keys(fleet)


@pytest.mark.parametrize(
    ("tables", "heard"),
    [
        ({}, False),
        ({"udp": "0100007F:1F0A 00000000:0000 07"}, True),
        ({"udp6": "00000000000000000000000000000000:1F0A 00000000000000000000000000000000:0000 07"}, True),
        ({"udp": "00000000:1F0B 00000000:0000 07"}, False),
        ({"udp": "0A58000B:9C40 0A58000C:1F0A 01"}, False),
        ({"udp": "0A58000B:1F0A 0A58000C:9C40 01"}, False),
    ],
)
def test_the_facts_tell_who_listens_for_gossip(tmp_path: Path, tables: dict[str, str], *, heard: bool) -> None:
    for name in ("udp", "udp6"):
        more = f"   1: {tables[name]} 00000000:00000000 00:00000000 00000000\n" if name in tables else ""
        (tmp_path / name).write_text(TABLE + more)
    (tmp_path / "ss").write_text("#!/bin/sh\necho 'tcp LISTEN 0 9 *:7946 *:* users:((\"dockerd\",pid=827,fd=32))'\n")
    (tmp_path / "ip").write_text(f"#!/bin/sh\ncat >/dev/null\necho '{json.dumps([])} {json.dumps([])}'\n")
    for name in ("ip", "ss"):
        (tmp_path / name).chmod(0o755)
    script = importlib.resources.files("swarmkit.observed").joinpath("facts.sh").read_text()
    script = script.replace("/proc/net/", f"{tmp_path}/").replace("/var/lib/docker/", f"{tmp_path}/none/")
    command = ["sh", "-c", script, "sh", "never"]
    environment = {"PATH": f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    facts = system_facts(said, asked_at=0, answered_at=1e12)
    assert (facts.gossip, facts.gossip_of_engine) == (heard, heard)
