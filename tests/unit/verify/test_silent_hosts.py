"""What is proved while a host does not answer: all that the others can tell, and that host's own silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from unit.verify.verify_world import ADDRESS, ON_INGRESS, TASK, VIP, World, server_at

from swarmkit.cli.main import cli
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.proof import Proof
from swarmkit.reach.ssh import CommandTimeoutError
from swarmkit.verify.prove import prove
from swarmkit.verify.silent import with_silence
from swarmkit.workflows import look

WHY = {
    "C": UnreachableError("C: cannot reach 10.88.0.13 port 22", "No route to host", "check address, port and sshd of C")
}


@pytest.fixture
def world() -> World:
    """C has lost its power, and the managers have seen it."""
    made = World()
    made.managers = {"A", "B", "C"}
    for node in made.nodes:
        node["Spec"]["Role"] = "manager"
        node["ManagerStatus"] = {"Reachability": "reachable", "Leader": node["ID"] == "node-A"}
    made.nodes[2]["Status"]["State"] = "down"
    made.nodes[2]["ManagerStatus"]["Reachability"] = "unreachable"
    made.nodes[2]["Description"]["Hostname"] = "host-of-another-name"
    made.shells["C"].error = AssertionError("nobody asks it")
    return made


@pytest.fixture
def unnoticed(world: World) -> World:
    """The managers have not seen it yet: they tell of C and of its task as before, for some fifteen seconds."""
    world.nodes[2]["Status"]["State"] = "ready"
    world.nodes[2]["ManagerStatus"]["Reachability"] = "reachable"
    for host in "AB":
        world.shells[host].unanswered |= {TASK["shop_database"], VIP["shop_database"]}
    return world


def seen(world: World) -> Observed:
    observed = world.observed
    return replace(observed, hosts={name: facts for name, facts in observed.hosts.items() if name != "C"})


def proof(world: World) -> Proof:
    fleet = {name: reached for name, reached in world.fleet.items() if name != "C"}
    return prove(fleet, world.inventory, None, seen(world), silent=WHY)


def of(code: str, found: Proof) -> dict[str, Finding]:
    return {finding.where: finding for finding in found.findings if finding.code == code}


def test_the_silent_host_is_an_error_and_the_others_are_proved(world: World) -> None:
    found = proof(world)
    (silence,) = of("V14", found).values()
    why = "cannot reach 10.88.0.13 port 22; No route to host"
    assert (silence.where, silence.severity) == ("C", "error")
    assert silence.evidence.startswith(f"{why}; ")
    assert silence.remedy == "check address, port and sshd of C"
    assert of("V12", found)["A <-> B"].severity == "ok"
    assert of("V05", found)["shop_frontend@A -> shop_backend"].severity == "ok"
    assert of("V26", found).keys() == {"A -> B", "B -> A"}


def test_the_quorum_s_margin_is_told_while_a_manager_is_down(world: World) -> None:
    margin = of("V21", proof(world))["managers"]
    assert margin.what == "host-of-another-name of 3 managers cannot be reached: none may be lost"
    assert margin.what in of("V14", proof(world))["C"].evidence, "it is counted alone elsewhere"
    assert margin.remedy == "first do what V14 says of C; for good: swarmkit recover quorum"


def test_the_silent_host_s_node_has_no_remedy_but_that_it_answers_first(world: World) -> None:
    (node,) = (finding for where, finding in of("V01", proof(world)).items() if where == "C")
    assert node.what.startswith("C is not the node that is declared: state is down")
    assert node.remedy == "first do what V14 says of C"


def test_what_lacks_the_silent_host_s_word_follows_from_its_silence(world: World) -> None:
    found = proof(world)
    following = {(finding.code, finding.where) for finding in found.findings if finding.follows_from}
    assert following == {
        *(("V01", "C"), ("V02", "shop_database"), ("V20", "shop"), ("V21", "managers")),
        *(("V12", "A <-> C"), ("V12", "B <-> C"), ("V19", "shop_shop on C")),
    }
    assert {finding.follows_from for finding in found.findings if finding.follows_from} == {"V14"}


def test_a_node_that_a_new_leader_has_not_heard_from_is_no_reason_to_restart_its_engine_at_once(world: World) -> None:
    """Two managers of three are left: the restart that was advised takes the quorum."""
    world.nodes[1]["Status"]["State"] = "unknown"
    finding = of("V01", proof(world))["B"]
    assert "has not heard from it yet: verify again in a minute; if it stays, on B: systemctl" in finding.remedy


def test_a_login_that_is_not_root_is_told_as_that(world: World) -> None:
    """By a member of the group docker, iptables, which it may not run, was said not to be there."""
    world.shells["B"].sections = {"user": "1000", "tools": "iptables"}
    failure = of("V14", proof(world))["B"]
    assert failure.what == "B could not be looked at: the login is not root's"
    assert failure.remedy == "set ansible_become: true for B"


def test_nothing_is_said_of_the_rules_of_a_host_that_fell_silent_meanwhile(world: World) -> None:
    """Cut in the middle, C was said to have no rule for the port, with a restart of its engine as the remedy."""
    world.nodes[2]["Status"]["State"] = "ready"
    world.nodes[2]["ManagerStatus"]["Reachability"] = "reachable"
    world.shells["C"].error = CommandTimeoutError("C: no answer within 20 s", "the command may still be running there")
    found = prove(world.fleet, world.inventory, None, world.observed)
    errors = [one for one in found.findings if one.severity == "error" and not one.follows_from]
    assert ("V14", "C") in {(one.code, one.where) for one in errors}
    assert not [one for one in found.findings if "no rule of C" in one.evidence]
    assert {one.where for one in errors if one.code in ("V06", "V12", "V19")} == set()
    assert "the kernel of C could not be read" in of("V12", found)["A <-> C"].evidence


def test_a_way_to_a_host_that_fell_silent_follows_from_that_and_not_from_a_firewall() -> None:
    ways = [Finding("V26", "error", where, "it does not get there") for where in ("A -> C", "C -> A", "A -> B")]
    assert [one.follows_from for one in with_silence(ways, {"C"})] == ["V14", "V14", ""]


def test_its_node_is_known_by_its_address_and_no_stranger(world: World) -> None:
    found = proof(world)
    assert "state is down" in of("V01", found)["C"].what
    assert of("V23", found) == {}
    assert [(host.name, host.state) for host in found.hosts] == [
        ("A", "ready"),
        ("B", "ready"),
        ("C", "down, does not answer"),
    ]
    assert [task.service for task in found.hosts[2].tasks] == ["shop_database"]


def test_a_silent_host_that_no_manager_knows_is_not_said_to_be_no_node_of_the_cluster(world: World) -> None:
    world.nodes, world.tasks = world.nodes[:2], world.tasks[:2]
    found = proof(world)
    assert of("V01", found)["C"].what == "no manager tells of a node C, and it does not answer"
    assert [host.state for host in found.hosts] == ["ready", "ready", "does not answer"]


def test_what_is_declared_is_not_compared_without_all_hosts(world: World) -> None:
    (said,) = of("V20", proof(world)).values()
    assert said.severity == "warning"
    assert said.what.endswith("that needs all hosts, and C cannot be read")


def test_an_empty_swarm_is_not_told_while_a_host_may_be_in_one(world: World) -> None:
    observed = seen(world)
    hosts = {
        name: replace(facts, engine=replace(facts.engine, swarm_state="inactive"))
        for name, facts in observed.hosts.items()
    }
    found = prove(world.fleet, world.inventory, None, Observed(hosts, None), silent=WHY)
    assert "no host is in a swarm" not in of("V00", found)["shop"].what
    assert of("V14", found)["C"].severity == "error"


INVENTORY = """
all:
  vars: {swarm_cluster: shop, ansible_user: root}
  children:
    managers: {hosts: {A: {ansible_host: 10.88.0.11}, B: {ansible_host: 10.88.0.12}, C: {ansible_host: 10.88.0.13}}}
"""


def test_the_command_ends_with_4_and_shows_the_host_as_json_and_as_a_page(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def reach_some(*_: object, **__: object) -> Iterator[tuple[object, dict[str, SwarmkitError]]]:
        yield {name: reached for name, reached in world.fleet.items() if name != "C"}, WHY

    monkeypatch.setattr(look, "reach_some", reach_some)
    monkeypatch.setattr(look, "observe", lambda *_, **__: seen(world))
    monkeypatch.setattr(look, "PATIENCE_SECONDS", 0.0)
    (inventory := tmp_path / "hosts.yaml").write_text(INVENTORY)
    page = tmp_path / "page.html"
    done = CliRunner().invoke(cli, ["verify", "-i", str(inventory), "--json", "--html", str(page)])
    assert done.exit_code == 4, done.output
    said = json.loads(done.stdout)
    assert not said["proved"]
    assert [host["state"] for host in said["hosts"] if host["name"] == "C"] == ["down, does not answer"]
    assert [one["where"] for one in said["findings"] if one["code"] == "V14"] == ["C"]
    assert "C does not answer: nothing is proved there" in page.read_text()
    assert "down, does not answer" in page.read_text()


def test_that_a_host_without_power_answers_nobody_proves_no_isolation(world: World) -> None:
    """Until the managers have seen it, its tasks count as running, and their silence was told as proved."""
    world.nodes[2]["Status"]["State"] = "ready"
    told = [one.where for one in proof(world).findings if one.code == "V24" and one.severity == "ok"]
    assert told
    assert not [where for where in told if where.endswith("-> shop_database")]


def causes(found: Proof) -> set[tuple[str, str]]:
    """Return what is not proved of itself."""
    wrong = [one for one in found.findings if one.severity != "ok" and one.code != "V13"]
    return {(one.code, one.where) for one in wrong if not one.follows_from}


def test_all_that_its_silence_costs_follows_from_it_before_the_managers_have_noticed(unnoticed: World) -> None:
    """Ways to it stood for themselves, with the logs of a task on the dead host as what to read."""
    found = proof(unnoticed)
    assert causes(found) == {("V14", "C")}
    ways = of("V05", found)
    assert ways["shop_backend@B -> shop_database"].follows_from == "V14"
    assert ways["shop_backend@B -> shop_database"].remedy == "first do what V14 says of C"
    assert ways["shop_backend@B -> shop_frontend"].severity == "ok"


def test_names_that_gossip_has_forgotten_with_it_are_no_reason_to_update_a_service_by_force(unnoticed: World) -> None:
    for host in "AB":
        unnoticed.shells[host].names = {"shop_database": "", "tasks.shop_database": "", "database": ""}
    found = proof(unnoticed)
    assert causes(found) == {("V14", "C")}
    assert of("V04", found)["shop_backend@B -> shop_database"].remedy == "first do what V14 says of C"


def test_names_that_are_wrong_otherwise_stand_for_themselves(unnoticed: World) -> None:
    unnoticed.shells["B"].names = {"shop_database": "203.0.113.7"}
    assert ("V04", "shop_backend@B -> shop_database") in causes(proof(unnoticed))


def test_a_way_to_a_task_elsewhere_that_fails_too_stands_for_itself(unnoticed: World) -> None:
    unnoticed.shells["B"].unanswered |= {TASK["shop_frontend"]}
    assert causes(proof(unnoticed)) == {("V14", "C"), ("V05", "shop_backend@B -> shop_frontend")}


def test_neither_its_tasks_nor_its_node_are_proved_by_the_managers_word(unnoticed: World) -> None:
    """V02 and V01 told them as proved, and V21 that all managers answer."""
    found = proof(unnoticed)
    task, node = of("V02", found)["shop_database"], of("V01", found)["C"]
    assert (task.severity, task.follows_from) == ("error", "V14")
    assert task.what == "that shop_database runs on C is the managers' word alone: nothing is proved there"
    assert (node.severity, node.follows_from) == ("error", "V14")
    assert node.what == "that C is a ready manager, active is the managers' word alone: it could not be looked at"
    assert of("V21", found)["managers"].severity == "warning"
    assert of("V02", found)["shop_backend"].severity == "ok"


def test_a_published_port_of_a_task_there_follows_too(world: World) -> None:
    for host in world.shells:
        world.shells[host].unanswered |= {"10.88.0.11", "10.88.0.12"}
        world.shells[host].sections["nat"] = ""
    world.nodes[2]["Status"]["State"] = "ready"
    frontend = next(task for task in world.tasks if task["ServiceID"] == "s-shop_frontend")
    frontend["NodeID"] = "node-C"
    told = of("V06", proof(world))
    assert told.keys() == {"shop_frontend at A", "shop_frontend at B"}
    assert {one.follows_from for one in told.values()} == {"V14"}


@pytest.mark.parametrize("gone", [{}, {"mesh_rules": "-P PREROUTING ACCEPT"}], ids=["servers", "rules too"])
def test_a_published_udp_port_of_tasks_there_alone_follows_too(unnoticed: World, gone: dict[str, str]) -> None:
    """Each healthy node was told to restart its engine."""
    unnoticed.publish(5354, "udp", "ingress")
    unnoticed.tasks[0]["NodeID"] = "node-C"
    for host in "AB":
        unnoticed.shells[host].unanswered |= set(ADDRESS.values())
        unnoticed.shells[host].sections = {"mesh_services": "FWM  00000101 rr", **gone}
    told = {where: one for where, one in of("V06", proof(unnoticed)).items() if "udp" in where}
    assert told.keys() == {f"shop_frontend:5354/udp at {host}" for host in "AB"}
    assert {(one.severity, one.follows_from) for one in told.values()} == {("error", "V14")}
    assert {one.remedy for one in told.values()} == {"first do what V14 says of C"}


def test_a_udp_port_that_is_led_to_a_task_there_alone_is_not_proved(unnoticed: World) -> None:
    unnoticed.publish(5354, "udp", "ingress")
    unnoticed.tasks[0]["NodeID"] = "node-C"
    at_a = of("V06", proof(unnoticed))["shop_frontend:5354/udp at A"]
    assert (at_a.severity, at_a.evidence) == ("error", "all its tasks are on C")


def test_a_udp_port_that_is_not_led_to_a_task_elsewhere_stands_for_itself(unnoticed: World) -> None:
    unnoticed.publish(5354, "udp", "ingress")
    there = {**unnoticed.tasks[0], "ID": "t-silent", "NodeID": "node-C"}
    there["NetworksAttachments"] = [{"Network": {"ID": "ingid"}, "Addresses": ["10.0.0.6/24"]}]
    unnoticed.tasks.append(there)
    unnoticed.shells["B"].sections["mesh_services"] = f"FWM  00000101 rr\n{server_at('10.0.0.6')}"
    told = of("V06", proof(unnoticed))
    assert told["shop_frontend:5354/udp at A"].severity == "ok"
    at_b = told["shop_frontend:5354/udp at B"]
    assert (at_b.severity, at_b.follows_from) == ("error", "")
    assert at_b.evidence == f"IPVS of B does not lead to {ON_INGRESS}"


def test_a_task_that_waits_for_it_follows_and_one_that_fails_elsewhere_does_not(world: World) -> None:
    lost = next(task for task in world.tasks if task["ServiceID"] == "s-shop_database")
    error = "no suitable node (1 node not available for new tasks)"
    world.tasks.append({**lost, "ID": "t-new", "NodeID": "", "Status": {"State": "pending", "Err": error}})
    lost["DesiredState"] = "shutdown"
    found = proof(world)
    waits = of("V02", found)["shop_database"]
    cost = "service shop_database: 0 of 1 tasks run"
    assert of("V14", found)["C"].evidence.count(cost) == 1, "it is counted alone elsewhere"
    assert (waits.follows_from, waits.remedy) == ("V14", "first do what V14 says of C")
    world.tasks[-1]["Status"] = {"State": "rejected", "Err": "no such image"}
    assert not of("V02", proof(world))["shop_database"].follows_from


@pytest.mark.parametrize("fault", ["paused", "ended", "scaled"])
def test_what_is_wrong_with_a_service_that_a_silent_host_has_left_stands_for_itself(world: World, fault: str) -> None:
    """Nothing of it waits for that host: that none did was taken for that all do."""
    backend = next(task for task in world.tasks if task["ServiceID"] == "s-shop_backend")
    world.tasks.append({**backend, "ID": "t-old", "NodeID": "node-C", "DesiredState": "shutdown"})
    if fault == "paused":
        world.paused = {"shop_backend"}
    elif fault == "ended":
        world.ending = {"shop_backend"}
    else:
        service = next(one for one in world.services if one["ID"] == "s-shop_backend")
        service["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    found = of("V02", proof(world))["shop_backend"]
    assert (found.severity, found.follows_from) == ("error", "")
    assert "V14" not in found.remedy


def test_no_leftovers_are_not_told_of_a_host_that_fell_silent_when_it_was_looked_at(unnoticed: World) -> None:
    unnoticed.shells["C"].error = CommandTimeoutError("C: no answer within 20 s", "")
    found = prove(unnoticed.fleet, unnoticed.inventory, None, unnoticed.observed)
    assert of("V23", found) == {}
    assert causes(found) == {("V14", "C")}


def test_a_host_that_falls_silent_between_look_and_probes_is_neither_cut_off_nor_proved_closed(
    unnoticed: World,
) -> None:
    """Nothing answered there, on no port at all: its silence proved that none is open."""
    unnoticed.shells["C"].error = None
    unnoticed.shells["C"].probe_error = CommandTimeoutError("C: no answer within 30 s", "")
    for host in "AB":
        unnoticed.shells[host].unanswered |= {"10.88.0.13"}
        unnoticed.shells[host].heard_gossip -= {"C"}
    found = prove(unnoticed.fleet, unnoticed.inventory, None, unnoticed.observed)
    assert causes(found) == {("V14", "C")}
    assert "C from outside" not in of("V24", found)
    assert of("V27", found) == {}
