"""What prove() makes of marked packets: payloads that arrive or not, clear frames that enter, networks that leak."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.verify.verify_world import ADDRESS, ON_INGRESS, TASK, VIP, World

from swarmkit.declared.stack.service import Network, Service, ServiceNetwork, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.firewalls import IPTABLES_ALONE
from swarmkit.observed.model import Route
from swarmkit.plan.networks.firewall_rules import STILL_CLOSED
from swarmkit.proof import Proof
from swarmkit.verify.live import read_live
from swarmkit.verify.probe.look import HOST_NAMESPACE
from swarmkit.verify.probe.probes import Connect
from swarmkit.verify.probe.probing import probe_host
from swarmkit.verify.prove import prove
from swarmkit.verify.ways.gossip import SwarmWay, TriedWay, prove_gossip
from swarmkit.verify.ways.isolation import prove_declared_isolation


@pytest.fixture
def world() -> World:
    return World()


def proof(world: World) -> Proof:
    return prove(world.fleet, world.inventory, None, world.observed)


def of(code: str, world: World) -> dict[str, Finding]:
    return {finding.where: finding for finding in proof(world).findings if finding.code == code}


def test_payloads_are_proved_by_what_the_receivers_heard(world: World) -> None:
    found = of("V17", world)
    assert {finding.severity for finding in found.values()} == {"ok"}
    evidence = found["shop_frontend@A -> shop_database"].evidence
    assert f"{TASK['shop_database']} (task on C) heard 59 and 1424 bytes" in evidence
    assert f"{VIP['shop_database']} (VIP) heard 59 and 1424 bytes" in evidence


def test_full_size_alone_that_does_not_arrive_is_a_matter_of_the_mtu(world: World) -> None:
    world.shells["C"].narrow = {TASK["shop_database"]}
    found = {where: finding for where, finding in of("V17", world).items() if finding.severity == "error"}
    assert found.keys() == {"shop_frontend@A -> shop_database", "shop_backend@B -> shop_database"}
    assert "packets of full size do not get" in found["shop_backend@B -> shop_database"].what
    assert "driver.mtu" in found["shop_backend@B -> shop_database"].remedy


@pytest.mark.parametrize("option", ["", "--opt encrypted "])
def test_an_ingress_too_large_for_the_way_is_answered_with_what_makes_it_anew(world: World, option: str) -> None:
    world.encrypt_ingress()
    if not option:
        world.networks[1]["Options"].pop("encrypted")
    world.shells["A"].narrow = {ON_INGRESS}
    remedy = of("V17", world)["ingress@B -> shop_frontend"].remedy
    ended = "while docker ps -aq -f $s | grep -q .; do sleep 1; done"
    assert (
        "on A: docker service rm shop_frontend && for s in label=com.docker.swarm.service.name=shop_frontend" in remedy
    )
    assert f'{ended}"; done && echo y | docker network rm ingress && ' in remedy
    assert f"-d overlay --ingress {option}--opt com.docker.network.driver.mtu=MTU ingress; do " in remedy


def test_packets_that_nobody_hears_are_no_proof_of_encryption(world: World) -> None:
    world.shells["C"].deaf = {TASK["shop_database"]}
    assert of("V17", world)["shop_frontend@A -> shop_database"].severity == "error"
    verdict = of("V12", world)["A <-> C"]
    assert verdict.severity == "error"
    assert "packets of the probes from A to C" in verdict.evidence


def test_a_host_without_perl_and_python_is_watched_and_what_it_lacks_for_the_proof_is_a_warning(world: World) -> None:
    world.shells["C"].sections = {"tools": "perl\npython3"}
    world.shells["C"].cable = "without marks\nesp 10.88.0.11 5 5\nesp 10.88.0.12 5 5\nend\n"
    found = of("V12", world)
    assert found["A <-> B"].severity == "ok"
    assert found["A <-> C"].severity == "warning"
    told = "network shop_shop is encrypted between A and C, by its frames on the cable"
    assert found["A <-> C"].what.startswith(told)
    assert "no marked packet could be sent" in found["A <-> C"].evidence
    assert of("V16", world)["C"].remedy == "on C: apt-get install -y perl || dnf install -y python3"


def test_a_host_without_perl_is_proved_in_python(world: World) -> None:
    world.shells["C"].sections = {"tools": "perl"}
    assert {finding.severity for finding in of("V12", world).values()} == {"ok"}
    assert "SPEAKS=python3" in world.shells["C"].probed
    assert "SPEAKS=perl" in world.shells["A"].probed


def test_a_pair_whose_cable_nobody_watched_is_not_proved_and_what_one_end_saw_is_enough(world: World) -> None:
    world.shells["C"].sections = {"tools": "perl\npython3"}
    world.shells["C"].cable = "lost 0 neither perl, python3 nor tcpdump is there"
    assert {finding.severity for finding in of("V12", world).values()} == {"ok", "warning"}
    world.shells["B"].sections = {"tools": "perl\npython3"}
    world.shells["B"].cable = world.shells["C"].cable
    found = of("V12", world)["B <-> C"]
    assert (found.severity, found.what) == (
        "error",
        "the encryption of shop_shop between B and C is not proved",
    )
    assert found.evidence.startswith("the cable of B was not watched; the cable of C was not watched")
    assert found.remedy.startswith("on B or C: apt-get install -y perl || dnf install -y python3")


def test_a_clear_frame_on_the_cable_breaks_the_network_between_two_hosts(world: World) -> None:
    world.shells["B"].cable_more = ["clear 10.88.0.11 4097 0 3"]
    pairs = {(pair.first, pair.second): pair for pair in proof(world).networks[0].pairs}
    assert pairs["A", "B"].verdict == "broken"
    assert pairs["A", "B"].missing == ("3 clear frames from A to B seen at B",)
    assert pairs["A", "C"].verdict == "proved"
    assert of("V12", world)["A <-> B"].what.startswith("broken: network shop_shop is open")


def test_the_probes_mark_on_the_cable_breaks_it_too(world: World) -> None:
    world.shells["C"].cable_more = ["marked 10.88.0.12 0 2"]
    assert "can be read between B and C" in of("V16", world)["B <-> C"].what
    assert of("V12", world)["B <-> C"].what.startswith("broken")


def test_a_broken_pair_sends_to_what_was_found_of_it_and_to_nothing_else(world: World) -> None:
    """It named V10, V16 and V19 whatever was told, and not V09, of which the frames left in clear."""
    world.shells["B"].cable_more = ["clear 10.88.0.11 4097 0 3"]
    assert of("V12", world)["A <-> B"].remedy == "first do what V16 says"
    world.shells["A"].sections["policies"] = ""
    assert of("V12", world)["A <-> B"].remedy == "first do what V09 and V16 say"
    world.shells["A"].sections |= {"policies": "", "mangle": ""}
    world.shells["B"].cable_more.append(f"heard 1000 {INJECTION_KEY['B']} small 60")
    assert of("V12", world)["A <-> B"].remedy == "first do what V09, V10, V16 and V19 say"


INJECTION_KEY = {"A": 1, "B": 2, "C": 3}
"""Receiver -> the key of its injection: the first of a proof."""


def test_a_clear_frame_that_enters_a_container_is_broken(world: World) -> None:
    world.shells["B"].cable_more = [f"heard 1000 {INJECTION_KEY['B']} small 60"]
    found = of("V19", world)
    assert found["shop_shop on B"].severity == "error"
    assert found["shop_shop on B"].what.startswith("broken: a clear frame from A enters")
    assert found["shop_shop on C"].severity == "ok"
    assert of("V12", world)["B <-> C"].what.startswith("broken")


def test_an_injection_that_did_not_come_to_the_host_proves_nothing(world: World) -> None:
    world.shells["B"].is_shielded = True
    assert of("V19", world)["shop_shop on B"].severity == "warning"
    found = of("V12", world)
    assert found["A <-> C"].what.endswith("and clear frames that were sent to A and C are dropped")
    assert {where: (found[where].severity, found[where].what) for where in ("A <-> B", "B <-> C")} == {
        "A <-> B": (
            "warning",
            "network shop_shop is encrypted between A and B; that B drops clear frames was not tried",
        ),
        "B <-> C": (
            "warning",
            "network shop_shop is encrypted between B and C; that B drops clear frames was not tried",
        ),
    }
    assert {(pair.first, pair.second): pair.verdict for pair in proof(world).networks[0].pairs} == {
        ("A", "B"): "not proved",
        ("A", "C"): "proved",
        ("B", "C"): "not proved",
    }


def test_a_host_to_which_no_clear_frame_could_be_sent_is_told_with_why(world: World) -> None:
    world.shells["B"].sections = {"tools": "perl\npython3"}
    told = "neither perl nor python3 is there: nothing can be heard in the containers of B"
    assert of("V19", world)["shop_shop on B"].evidence == told
    world.shells["B"].sections = {}
    world.broken_containers["c-shop_backend"] = SwarmkitError("no such container")
    found = of("V19", world)
    assert found["shop_shop on B"].severity == "warning"
    assert found["shop_shop on B"].evidence == "no container of B that is on it could be entered"
    assert found["shop_shop on A"].severity == "ok"


def test_a_host_whose_probes_did_not_run_is_not_tried(world: World) -> None:
    world.shells["C"].cable = "lost 0 no perl\nend\n"
    found = of("V19", world)
    assert found["shop_shop on C"].severity == "warning"
    assert found["shop_shop on C"].evidence == "the probes of C did not run: no perl"


def test_a_host_whose_probes_died_is_named_where_its_own_ways_were_not_tried(world: World) -> None:
    """The ways from it were missing among those of the swarm, and nothing said so."""
    world.shells["C"].sections["cable"] = "lost 0 packet socket: No buffer space available"
    found = of("V26", world)
    assert found.keys() == {"C", "A -> B", "A -> C", "B -> A", "B -> C"}
    assert [where for where, one in found.items() if one.severity != "ok"] == ["C"]
    assert found["C"].what == "nothing could be probed from C itself: packet socket: No buffer space available"


def test_what_bash_asked_without_an_answer_was_asked_though_nothing_watched_the_cable(world: World) -> None:
    """What a firewall drops from there was taken for what nobody could ask."""
    shell = world.shells["C"]
    shell.sections = {"cable": "lost 0 neither perl, python3 nor tcpdump is there"}
    probe = Connect(None, HOST_NAMESPACE, ADDRESS["A"], 7946, "swarm")
    watch = f"cable watch 4789 4097 eth0 {ADDRESS['A']}"
    (result,) = probe_host(shell, [probe], 3.5, encrypted=False, cabling=[watch], speaks=None).results
    assert (result.holds, result.is_asked, result.answer) == (False, True, "no answer within 3.5 s")


@pytest.mark.parametrize("members", ["A", "AB", "ABC"])
def test_two_and_three_healthy_hosts_raise_no_alarm_about_injections_and_one_has_nobody_to_send(members: str) -> None:
    world = World(members)
    assert [f.code for f in proof(world).findings if f.severity != "ok"] == ["V13"]
    assert len(of("V19", world)) == (len(members) if len(members) > 1 else 0)


def test_over_an_encrypted_ingress_a_host_without_a_task_on_it_is_no_lack_of_a_proof(world: World) -> None:
    world.encrypt_ingress()
    found = proof(world).findings
    assert [f for f in found if f.severity != "ok"] == []
    assert {f.where for f in found if f.code == "V19"} == {f"shop_shop on {host}" for host in "ABC"} | {"ingress on A"}
    assert {f.what for f in found if f.code == "V12" and "ingress" in f.what} == {
        f"network ingress is encrypted between A and {host}, and clear frames that were sent to A are dropped"
        for host in "BC"
    }


def test_services_without_a_common_network_are_proved_apart(world: World) -> None:
    world.part("shop_database")
    found = of("V18", world)
    assert found.keys() == {
        "shop_frontend@A -> shop_database",
        "shop_backend@B -> shop_database",
        "shop_database@C -> shop_backend",
        "shop_database@C -> shop_frontend",
    }
    assert {finding.severity for finding in found.values()} == {"ok"}
    assert "shop_database is NOERROR" in found["shop_frontend@A -> shop_database"].evidence
    assert f"{TASK['shop_database']}:5432 does not answer" in found["shop_frontend@A -> shop_database"].evidence


def test_a_name_that_resolves_beyond_its_networks_is_an_error(world: World) -> None:
    world.part("shop_database")
    world.shells["A"].names = {"shop_database": VIP["shop_database"]}
    found = of("V18", world)["shop_frontend@A -> shop_database"]
    assert found.severity == "error"
    assert "though they share no network" in found.evidence


def test_a_foreign_answer_to_such_a_name_is_no_breach(world: World) -> None:
    world.part("shop_database")
    world.shells["A"].names = {"shop_database": "203.0.113.7"}
    assert of("V18", world)["shop_frontend@A -> shop_database"].severity == "ok"


def test_a_host_that_reaches_a_container_past_its_publication_is_an_error(world: World) -> None:
    opened = [str(key) for key in range(1, 200)]
    world.shells["B"].cable_more = [f"opened {key}" for key in opened]
    found = of("V24", world)
    assert found["host B -> shop_database"].severity == "error"
    assert f"{TASK['shop_database']}:5432 takes connections" in found["host B -> shop_database"].evidence
    assert found["host A -> shop_database"].severity == "ok"


def test_services_that_the_file_keeps_apart_and_somebody_put_together_are_an_error(world: World) -> None:
    networks = (Network("inner", "shop_shop"), Network("outer", "shop_outer"))
    frontend = Service("frontend", "frontend", networks=(ServiceNetwork("outer"),))
    inside = tuple(Service(name, name, networks=(ServiceNetwork("inner"),)) for name in ("backend", "database"))
    stack = Stack(Path("stack.yaml"), "shop", (frontend, *inside), networks=networks)
    observed = world.observed
    assert observed.cluster
    live = read_live(world.fleet["A"].engine, observed.cluster, observed, None)
    found = {finding.where: finding for finding in prove_declared_isolation(live, stack)}
    assert found.keys() == {"shop_backend <-> shop_frontend", "shop_database <-> shop_frontend"}
    assert {(f.code, f.severity, f.evidence, f.remedy) for f in found.values()} == {
        ("V18", "error", "both are on shop_shop", "swarmkit up")
    }
    assert list(prove_declared_isolation(live, None)) == []


def test_a_port_that_nothing_publishes_and_that_answers_is_an_error_of_its_host(world: World) -> None:
    found = of("V24", world)
    assert found["A from outside"].evidence == "tried 3000, 5432 from B, C"
    for shell in world.shells.values():
        shell.closed = shell.closed - {(ADDRESS["B"], 5432)}
    found = of("V24", world)
    assert found["B:5432"].severity == "error"
    assert "10.88.0.12:5432 takes connections from A, C" in found["B:5432"].evidence
    assert "B from outside" not in found
    assert found["C from outside"].severity == "ok"
    assert all(shell.rounds == 2 for shell in world.shells.values())


@pytest.mark.parametrize(
    ("rule", "is_tried"),
    [
        ("-A PREROUTING -i eth0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.18.0.5:5432", True),
        ("-A MINE -p tcp -m tcp --dport 8443 -m comment --comment x -j DNAT --to-destination 172.18.0.5:5432", True),
        ("-A PREROUTING -p tcp -m tcp --dport 8443 -j DNAT --to-destination 192.168.122.5:5432", False),
        ("-A PREROUTING -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.18.0.5:9999", False),
        ("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 172.18.0.5:5432", False),
    ],
)
def test_another_port_that_a_rule_leads_into_a_container_is_tried_too(world: World, rule: str, is_tried: bool) -> None:
    world.routes = (Route("172.18.0.0/16", "docker_gwbridge"),)
    world.shells["B"].sections["nat"] = rule
    found = of("V24", world)
    assert ("B:8443" in found) == is_tried
    if is_tried:
        assert found["B:8443"].what == "port 8443 of B answers, and nothing publishes it"
        assert "containers of shop_database listen on 5432, where a rule of B leads it" in found["B:8443"].evidence


def test_a_port_that_the_host_itself_listens_on_is_its_own_matter(world: World) -> None:
    world.shells["B"].own_ports = [5432]
    for shell in world.shells.values():
        shell.closed = shell.closed - {(ADDRESS["B"], 5432)}
    assert of("V24", world)["B from outside"].evidence == "tried 3000 from A, C"


def test_answers_that_are_lost_on_their_way_back_are_no_port_that_is_closed() -> None:
    """Frames from A to C alone are lost; C's connections were to be admitted by A's firewall, which lets them in."""
    there, back = (SwarmWay(n, *ends, "10.88.0.9", True, "10.88.0.8") for n, ends in enumerate(("CA", "AC")))
    lost = TriedWay(there, ("tcp/7946: no answer within 9 s", "tcp/2377: no answer within 9 s"), ("udp/7946 arrives",))
    cut = TriedWay(back, ("tcp/7946: no answer within 9 s", "udp/7946: nothing arrived"), ())
    firewalls = {"A": IPTABLES_ALONE, "C": IPTABLES_ALONE}
    found = {one.where: one for one in prove_gossip((lost, cut), firewalls)}
    assert found["C -> A"].severity == "error"
    assert found["C -> A"].remedy == "first do what V26 A -> C says"
    assert "see first that the line is there, on A: ping -c 1 10.88.0.9; if so, on C: " in found["A -> C"].remedy
    closed = replace(cut, told=("udp/7946 arrives",))
    assert "iptables" in {one.where: one for one in prove_gossip((lost, closed), firewalls)}["C -> A"].remedy


def test_gossip_that_one_protocol_carries_and_the_other_not_is_an_error_of_its_direction(world: World) -> None:
    ways = of("V26", world)
    assert ways["B -> A"].evidence == "tcp/7946 connects; tcp/2377 connects; udp/7946 arrives"
    assert len(ways) == 6
    world.shells["C"].heard_gossip = {"A"}
    wrong = {where: f for where, f in of("V26", world).items() if f.severity == "error"}
    assert wrong.keys() == {"B -> C"}
    assert wrong["B -> C"].evidence == "udp/7946: nothing arrived"
    rule = "on C: iptables -w -I INPUT -s 10.88.0.12 -p udp --dport 7946 -j ACCEPT; "
    group = f"in a cloud's security group, inbound: udp port 7946, source 10.88.0.12/32; {STILL_CLOSED}"
    assert wrong["B -> C"].remedy == rule + group
    world.shells["C"].sections["firewalls"] = "ufw"
    assert of("V26", world)["B -> C"].remedy == (f"on C: ufw allow from 10.88.0.12 proto udp to any port 7946; {group}")
    for shell in world.shells.values():
        shell.closed = shell.closed | {(ADDRESS["A"], 7946)}
    assert "tcp/7946: Connection refused" in of("V26", world)["B -> A"].evidence
    assert "where ss -lnt on A shows nothing at that port" in of("V26", world)["B -> A"].remedy


def test_a_node_that_is_cut_off_is_none_outside_of_the_swarm_and_sends_no_clear_frames_where_a_ready_one_can(
    world: World,
) -> None:
    world.nodes[2]["Status"]["State"] = "down"
    findings = prove(world.fleet, world.inventory, None, world.observed).findings
    told = {one.where: one for one in findings if one.code == "V19"}
    assert not [one for one in told.values() if "C, which is outside of the swarm" in one.evidence]
    assert "made by B, outside of its IPsec" in told["shop_shop on A"].evidence
    assert "made by A, outside of its IPsec" in told["shop_shop on B"].evidence
