"""Hosts that the inventory has absent: asked where they answer, and no run waits for one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import pytest
from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet
from tenacity import wait_none

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.observed.model import Observed
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.proof import Proof
from swarmkit.reach import fleet as reaching
from swarmkit.reach import ssh_connect
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.host_key_scan import ScannedKey
from swarmkit.reach.ssh_connect import Hop
from swarmkit.reach.ssh_failures import DroppedError, NoAnswerError
from swarmkit.workflows import look, trust
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.up import up


@pytest.fixture
def away(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The hosts that SSH does not reach; empty at first."""
    names: set[str] = set()

    def connect(host: Host, *_: Any, **__: Any) -> Any:
        if host.name in names:
            raise UnreachableError(f"{host.name}: no route to host", "timed out")
        shell: Any = fleet[host.name].shell
        shell.name, shell.session, shell.close = host.name, None, lambda: None
        return shell

    def engine(connection: Any, _: object) -> Any:
        found: Any = fleet.engine(connection.name)
        found.close = lambda: None
        return found

    monkeypatch.setattr(reaching, "connect", connect)
    monkeypatch.setattr(reaching, "_engine", engine)
    return names


def absent(fleet: FakeFleet, folder: Path, names: str = "C") -> Declared:
    hosts = tuple(reached.host for reached in fleet.values())
    leaving = tuple(host for host in hosts if host.name in names)
    known = folder / "known_hosts"
    known.touch()
    inventory = Inventory(folder / "i.yaml", "prod", hosts, known_hosts=known)
    return Declared(replace(inventory, hosts=tuple(host for host in hosts if host not in leaving), leaving=leaving))


def swarm(fleet: FakeFleet, folder: Path) -> None:
    run_once(fleet, absent(fleet, folder, ""))


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in plan.warnings]


def test_one_that_is_switched_off_and_down_has_its_node_removed_and_is_told(
    fleet: FakeFleet, tmp_path: Path, away: set[str]
) -> None:
    swarm(fleet, tmp_path)
    fleet.cluster.nodes[fleet.engine("C").node_id]["Status"]["State"] = "down"
    away.add("C")
    declared = absent(fleet, tmp_path)
    planned = look.plan(declared, progress=Silent())
    assert [operation.step.key for operation in planned.operations] == [f"remove:{fleet.engine('C').node_id}"]
    assert told(planned) == [("D11", "C")]
    report = up(declared, Terms(Silent(), lambda _: True), verify=False)
    assert [node["Description"]["Hostname"] for node in fleet.cluster.nodes.values()] == ["host-a", "host-b"]
    assert (told(report.plan), report.applied[0].failed) == ([("D11", "C")], ())
    again = look.plan(declared, progress=Silent())
    assert (again.is_empty, told(again)) == (True, [("D11", "C")])


def test_the_node_of_one_that_does_not_answer_and_is_ready_stays_and_is_told(
    fleet: FakeFleet, tmp_path: Path, away: set[str]
) -> None:
    swarm(fleet, tmp_path)
    away.add("C")
    planned = look.plan(absent(fleet, tmp_path), progress=Silent())
    assert planned.is_empty
    stays, silent = planned.warnings
    assert (stays.code, stays.where, silent.code, silent.where) == ("H52", "host-c", "D11", "C")
    assert "stays, though the inventory has its host C absent" in stays.what
    assert stays.evidence == "it is ready, and the host does not answer"
    assert "timed out" in silent.evidence
    assert silent.remedy.endswith("; where it is gone for good, take it out of the inventory")


def test_one_that_was_off_when_its_node_was_removed_leaves_when_it_is_back(fleet: FakeFleet, tmp_path: Path) -> None:
    """It asked for its place for good: `up` had nothing to do, and a later one that declared it a node was refused."""
    swarm(fleet, tmp_path)
    node_id, manager = fleet.engine("C").node_id, fleet.engine("A").node_id
    del fleet.cluster.nodes[node_id]

    def planned(asks: str) -> list[str]:
        told = {"LocalNodeState": "pending", "NodeID": node_id, "RemoteManagers": [{"NodeID": asks}]}
        fleet.engine("C").info_changes = {"Swarm": told}
        return [operation.step.key for operation in plan_on(fleet, absent(fleet, tmp_path)).operations]

    assert planned(asks=manager) == ["leave:C"]
    assert planned(asks="a manager of another swarm") == []


def test_one_that_was_off_when_its_node_was_removed_and_shall_be_a_node_again_is_told_how(
    fleet: FakeFleet, tmp_path: Path
) -> None:
    """It was told to wait for a join that was under way, and no wait ends what the managers refuse."""
    swarm(fleet, tmp_path)
    node_id, manager = fleet.engine("C").node_id, fleet.engine("A").node_id
    del fleet.cluster.nodes[node_id]
    asks = {"LocalNodeState": "pending", "NodeID": node_id, "RemoteManagers": [{"NodeID": manager}]}
    fleet.engine("C").info_changes = {"Swarm": asks}
    (refusal,) = plan_on(fleet, absent(fleet, tmp_path, "")).refusals
    assert (refusal.code, refusal.where) == ("H49", "C")
    assert refusal.remedy == "on C: docker swarm leave --force; then swarmkit up"


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(NoAnswerError, "AAABBBC"), pytest.param(DroppedError, "AAABBBCCC", id="a busy sshd drops some at random")],
)
def test_one_that_nobody_answers_for_is_tried_once_and_those_that_shall_be_nodes_three_times(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[UnreachableError], attempts: str
) -> None:
    """A host without power answers nothing: each attempt takes its time-out, 30 s in all, before every `up`."""
    tried: list[str] = []

    def connect_once(host: Host, *_: object) -> Never:
        tried.append(host.name)
        raise error(f"{host.name}: cannot reach it", "timed out")

    monkeypatch.setattr(ssh_connect, "_connect_once", connect_once)
    monkeypatch.setattr("swarmkit.reach.retry.tenacity.wait_random_exponential", lambda **_: wait_none())
    with pytest.raises(UnreachableError, match="2 hosts cannot be used"):
        look.plan(absent(fleet, tmp_path), progress=Silent())
    assert sorted(tried) == [*attempts]


def test_hosts_that_shall_be_nodes_are_needed_all_of_them(fleet: FakeFleet, tmp_path: Path, away: set[str]) -> None:
    away |= {"A", "B", "C"}
    with pytest.raises(UnreachableError) as caught:
        look.plan(absent(fleet, tmp_path), progress=Silent())
    assert caught.value.exit_code == 3
    assert "2 hosts cannot be used" in caught.value.what
    away -= {"A"}
    with pytest.raises(UnreachableError, match="B: no route"):
        up(absent(fleet, tmp_path), Terms(Silent(), lambda _: True))


def test_the_proof_that_follows_is_of_those_that_are_nodes_from_its_first_look(
    fleet: FakeFleet, tmp_path: Path, away: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had read the absent host, and never looked at it: that nothing is left over (V23) was not proved at once."""
    del away
    swarm(fleet, tmp_path)
    asked: list[tuple[list[str], list[str]]] = []

    def prove(those: Fleet, _: object, __: object, observed: Observed, **___: object) -> Proof:
        asked.append((sorted(those), sorted(observed.hosts)))
        return Proof(())

    monkeypatch.setattr("swarmkit.verify.prove.prove", prove)
    up(absent(fleet, tmp_path), Terms(Silent(), lambda _: True))
    assert asked == [(["A", "B"], ["A", "B"])]


def trusted(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch, *names: str, silent: str = ""
) -> tuple[list[str], list[str]]:
    """Return whose keys were recorded, and what was told, where *silent* do not answer."""

    def scan(_: Host, hops: Sequence[Hop]) -> ScannedKey:
        name = hops[-1].name
        if name in silent:
            raise UnreachableError(f"{name}: no SSH host key", "timed out")
        return ScannedKey("ssh-ed25519", name.encode())

    monkeypatch.setattr(trust, "scan_host_key", scan)
    recorded: list[str] = []
    said: list[SwarmkitError] = []
    trust.trust(
        inventory,
        names,
        replace=False,
        show=lambda _: None,
        confirm=lambda keys: recorded.extend(key.hop.name for key in keys) is None,
        tell=said.append,
    )
    return recorded, [error.what for error in said]


def test_trust_asks_one_too(fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` needs to log in there: without its key it ended with "run swarmkit trust", which never asked that host."""
    inventory = absent(fleet, tmp_path).inventory
    assert trusted(inventory, monkeypatch, "C") == (["C"], [])
    assert trusted(inventory, monkeypatch) == (["A", "B"], [])


def test_trust_goes_on_without_one_that_does_not_answer(
    fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = absent(fleet, tmp_path).inventory
    assert trusted(inventory, monkeypatch, silent="C") == (["A", "B"], ["C: no SSH host key"])
    with pytest.raises(UnreachableError, match="C: no SSH host key"):
        trusted(inventory, monkeypatch, "C", silent="C")
