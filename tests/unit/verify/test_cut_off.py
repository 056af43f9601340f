import sys
from dataclasses import replace
from itertools import permutations

import pytest
from verify_world import ADDRESS, NET, SERVICES, TASK, VIP, World, server_at

from swarmkit.finding import Finding
from swarmkit.report.console import console_for
from swarmkit.report.findings import print_findings
from swarmkit.verify.live import Live
from swarmkit.verify.prove import prove
from swarmkit.verify.ways.causes import with_causes
from swarmkit.verify.ways.cut_off import prove_cut_off
from swarmkit.verify.ways.gossip import SwarmWay, TriedWay


def tried(*, cut: str, half_open: str = "", hosts: str = "ABC") -> list[TriedWay]:
    """Return the ways between *hosts*: nothing passes from or to *cut*, udp alone from and to *half_open*."""
    found = []
    for number, (source, target) in enumerate(permutations(hosts, 2)):
        way = SwarmWay(number, source, target, f"10.88.0.{number}", is_manager=False, source_address="")
        blocked = {source, target} & set(cut + half_open)
        told = () if {source, target} & set(cut) else ("udp/7946 arrives",)
        found.append(TriedWay(way, ("tcp/7946: timeout",) if blocked else (), told))
    return found


def test_a_host_that_nothing_gets_to_or_from_is_named_as_the_cause() -> None:
    (cause,) = prove_cut_off(tried(cut="C"))
    assert (cause.code, cause.severity, cause.where) == ("V27", "error", "C")
    assert "4 ways tried" in cause.evidence


def test_where_no_node_hears_another_one_finding_says_so() -> None:
    (cause,) = prove_cut_off(tried(cut="ABC"))
    assert cause.where == "A, B, C"
    assert "no node hears another" in cause.what


def test_a_host_that_one_protocol_gets_to_is_not_cut_off() -> None:
    assert not list(prove_cut_off(tried(cut="", half_open="C")))
    assert not list(prove_cut_off(tried(cut="")))


def test_nodes_that_have_fallen_apart_are_named_by_part() -> None:
    ways = [replace(one, told=(), wrong=("tcp/7946: timeout",)) for one in tried(cut="ABCD", hosts="ABCD")]
    halves = [one for one in ways if {one.way.source, one.way.target} in ({"A", "B"}, {"C", "D"})]
    joined = [replace(one, told=("udp/7946 arrives",)) for one in halves]
    (cause,) = prove_cut_off([*ways, *joined])
    assert cause.where == "A, B | C, D"


def test_a_host_that_refuses_was_reached_and_is_not_cut_off() -> None:
    refusing = [replace(one, wrong=("tcp/7946: Connection refused",)) for one in tried(cut="C")]
    assert not list(prove_cut_off(refusing))


@pytest.fixture
def world() -> World:
    return World()


def cut_off(world: World, *hosts: str) -> None:
    """Let nothing pass between *hosts* and all others, as the shells of both ends see it."""
    apart = {(one, other) for one, other in permutations(ADDRESS, 2) if {one, other} & set(hosts)}
    for one, other in apart:
        shell, there = world.shells[one], [name for name in SERVICES if SERVICES[name][0] == other]
        shell.unanswered |= {ADDRESS[other], *(at[name] for name in there for at in (VIP, TASK))}
        shell.heard_gossip -= {other}
        shell.received[other] = 0


def proof(world: World) -> tuple[Finding, ...]:
    return prove(world.fleet, world.inventory, None, world.observed).findings


def test_what_follows_is_marked_and_the_cause_comes_first(world: World) -> None:
    cut_off(world, "C")
    found = proof(world)
    assert (found[0].code, found[0].where) == ("V27", "C")
    wrong = [one for one in found if one.severity == "error"]
    assert len(wrong) > 15
    assert [one.code for one in wrong if not one.follows_from] == ["V27"]
    assert {one.code for one in wrong if one.follows_from} >= {"V05", "V06", "V11", "V12", "V26"}


def test_a_way_that_the_sender_s_own_routes_close_is_one_cause_and_its_routes_are_what_to_look_at(world: World) -> None:
    """V11 asked to restart the engine, V26 to open the firewall of the host that nothing was sent to."""
    world.shells["C"].answers = {ADDRESS["A"]: "Invalid argument"}
    world.shells["C"].unanswered |= {VIP["shop_frontend"], TASK["shop_frontend"]}
    world.shells["A"].heard_gossip -= {"C"}
    world.shells["A"].unanswered |= {ADDRESS["C"], VIP["shop_database"], TASK["shop_database"]}
    world.shells["C"].received["A"] = 0
    found = {(one.code, one.where): one for one in proof(world) if one.severity == "error"}
    cause = found["V26", "C -> A"]
    assert cause.remedy.startswith(f"on C: ip route get {ADDRESS['A']}; its own routes lead nowhere")
    own = {key for key, one in found.items() if not one.follows_from}
    assert own == {("V26", "C -> A"), ("V26", "A -> C")}
    assert {one.follows_from for one in found.values()} == {"", "V26"}


def test_a_fault_between_other_hosts_does_not_follow_from_the_cut(world: World) -> None:
    cut_off(world, "C")
    world.shells["B"].received["A"] = 0
    (other,) = (one for one in proof(world) if one.code == "V11" and one.where == "A -> B")
    assert not other.follows_from


def test_rules_that_a_node_took_away_when_it_lost_the_service_s_tasks_follow_and_those_of_others_do_not(
    world: World,
) -> None:
    """The remedy of V06 was a restart of the engine that is cut off; its rules come back with the line."""
    cut_off(world, "C")
    for host in "BC":
        world.shells[host].sections["nat"] = ""
    found = {one.where: one for one in proof(world) if one.code == "V06" and one.severity == "error"}
    for host, follows in (("C", "V27"), ("B", "")):
        assert f"no rule of {host} leads port 8080" in found[f"shop_frontend at {host}"].evidence
        assert found[f"shop_frontend at {host}"].follows_from == follows


def test_that_gossip_gave_up_tasks_beyond_the_cut_follows_and_a_task_lost_on_this_side_does_not(world: World) -> None:
    cut_off(world, "C")
    lost = {"shop_database", "shop_backend"}
    world.shells["A"].sections[f"vip_services.{NET}"] = "\n".join(
        f"FWM  {0x200 + mark:08X} rr\n{'' if name in lost else server_at(TASK[name])}" for mark, name in enumerate(TASK)
    )
    found = {one.where: one for one in proof(world) if one.code == "V28" and one.severity == "error"}
    assert {where: one.follows_from for where, one in found.items()} == {
        "shop_database at A": "V27",
        "shop_backend at A": "",
    }


def test_frames_in_clear_follow_from_no_cut(world: World) -> None:
    cut_off(world, "C")
    world.shells["A"].cable_more = [f"clear {ADDRESS['C']} 4097 3 0"]
    found = [one for one in proof(world) if one.severity == "error" and one.where == "A <-> C"]
    assert {one.code for one in found} == {"V12", "V16"}
    assert not [one for one in found if one.follows_from]


def test_a_node_that_is_down_because_it_is_cut_off_follows_and_a_wrong_label_does_not(world: World) -> None:
    cut_off(world, "C")
    world.nodes[2]["Status"]["State"] = "down"
    (node,) = (one for one in proof(world) if one.code == "V01" and one.where == "C")
    assert node.follows_from == "V27"
    world.nodes[2]["Spec"]["Labels"] = {}
    (node,) = (one for one in proof(world) if one.code == "V01" and one.where == "C")
    assert not node.follows_from


def test_what_follows_from_a_cut_is_counted_beneath_it_and_told_on_demand(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_off(world, "C")
    other = Finding("V22", "error", "A", "its certificate ends")
    findings = (*proof(world), other)
    print_findings(console_for(sys.stdout), findings)
    said = capsys.readouterr().out
    assert "error  V26" not in said
    assert said.index("error  V27  C") < said.index("follow from V27: mend that first; swarmkit verify --all")
    assert said.index("follow from V27") < said.index("its certificate ends")
    print_findings(console_for(sys.stdout), findings, all_of_them=True)
    assert "error  V26  A -> C" in capsys.readouterr().out


def test_a_node_that_is_down_behind_a_one_way_cut_is_told_the_direction_and_its_firewall_s_rule(world: World) -> None:
    """What A sends is dropped on C; C's own packets arrive. The remedy was to restart the engine of C."""
    world.nodes[2]["Status"]["State"] = "down"
    world.shells["A"].unanswered |= {ADDRESS["C"]}
    world.shells["C"].unanswered |= {ADDRESS["A"]}
    world.shells["C"].heard_gossip -= {"A"}
    (node,) = (one for one in proof(world) if one.code == "V01" and one.where == "C")
    assert "restart docker" not in node.remedy
    assert "V26 A -> C says: see first that the line is there, on A: ping -c 1" in node.remedy
    assert f"on C: iptables -w -I INPUT -s {ADDRESS['A']} -p tcp --dport 7946 -j ACCEPT" in node.remedy
    assert "tcp/2377 does not connect: A -> C is closed" in node.evidence


def test_a_node_that_is_down_though_every_way_passes_is_asked_to_restart_its_engine(world: World) -> None:
    world.nodes[2]["Status"]["State"] = "down"
    (node,) = (one for one in proof(world) if one.code == "V01" and one.where == "C")
    assert node.remedy == "on C: systemctl restart docker"


def test_an_address_that_two_hosts_have_is_the_cause_of_what_does_not_get_to_its_owner(world: World) -> None:
    cut_off(world, "C")
    world.more_addresses = {"B": {ADDRESS["C"]: "eth0"}}
    found = proof(world)
    cause = found[0]
    assert (cause.code, cause.severity, cause.where) == ("V29", "error", "B, C")
    assert f"{ADDRESS['C']} on eth0 of B" in cause.evidence
    assert f"on B: ip addr flush to {ADDRESS['C']}/32 dev eth0" in cause.remedy
    wrong = [one for one in found if one.severity == "error" and one != cause]
    assert "V27" in {one.code for one in wrong}
    assert {one.follows_from for one in wrong} == {"V29"}


def test_an_address_that_two_hosts_have_is_told_though_all_gets_through(world: World) -> None:
    world.more_addresses = {"B": {ADDRESS["C"]: "eth0"}}
    assert [one.code for one in proof(world) if one.severity == "error" and not one.follows_from] == ["V29"]


def test_what_is_found_between_others_does_not_follow_from_an_address_that_two_hosts_have(world: World) -> None:
    world.more_addresses = {"B": {ADDRESS["C"]: "eth0"}}
    world.shells["B"].received["A"] = 0
    (other,) = (one for one in proof(world) if one.code == "V11" and one.where == "A -> B")
    assert not other.follows_from


def test_a_node_whose_engine_lost_its_containerd_is_told_with_what_brings_it_back(world: World) -> None:
    world.without_containerd = {"C"}
    (node,) = (one for one in proof(world) if one.severity == "error")
    assert (node.code, node.where) == ("V01", "C")
    assert "no containerd" in node.what
    assert node.remedy.startswith("on C: systemctl restart containerd; systemctl restart docker")


@pytest.mark.parametrize(("cause", "follows"), [("", "V06"), ("V27", "V27")])
def test_a_port_that_answers_no_host_is_no_finding_of_its_own_from_here(cause: str, follows: str) -> None:
    """Its remedy was to open the firewalls between here and the host."""
    closed = Finding("V06", "error", "shop_frontend at B", "it does not answer", follows_from=cause)
    here = [Finding("V07", "warning", host, "from here it does not answer") for host in "BC"]
    _, at_b, at_c = with_causes([closed, *here], [], [], [], Live((), {}, None), "A")
    assert (at_b.follows_from, at_c.follows_from) == (follows, "")
