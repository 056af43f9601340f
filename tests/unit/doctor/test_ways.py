"""What the hosts hear of each other, and the rules that are told for what they do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from fakes.swarm import FakeShell, fake_fleet
from unit.doctor.doctor_world import evidence, found
from unit.doctor.test_doctor_between import with_stack
from unit.verify.verify_world import World

from swarmkit.declared.stack.service import Network
from swarmkit.doctor.dropped import with_drops
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.looked_for import looked_for
from swarmkit.doctor.model import Paths, Way
from swarmkit.doctor.paths import paths_from, probe_paths
from swarmkit.finding import Finding
from swarmkit.observed.dropping.reading import HostRules, parse_rules
from swarmkit.observed.dropping.rules import Drop
from swarmkit.reach.ssh import CommandResult

Said = dict[str, list[list[str]] | Exception]


def all_of_it(host: str, words: list[str]) -> bool:
    del host, words
    return True


def answers(change: Callable[[str, list[str]], bool] = all_of_it) -> Said:
    """Return what three hosts hear of each other when all passes, without the lines that *change* refuses."""
    address = {"0": "10.88.0.11", "1": "10.88.0.12", "2": "10.88.0.13"}
    said: Said = {}
    for own, host in (("0", "A"), ("1", "B"), ("2", "C")):
        lines = [
            ["heard", peer, kind, f"{address[peer]} 1500"]
            for peer in address
            for kind in ("esp", "udp7946", "udpdata", "full")
            if peer != own
        ]
        lines += [["tcp", peer, port, "ok"] for peer in address for port in ("7946", "2377") if peer != own]
        said[host] = [words for words in lines if change(host, words)]
    return said


def paths(said: Said) -> Evidence:
    cluster = evidence()
    return dataclasses.replace(cluster, paths=paths_from(cluster.peers, said, 4789))


def test_a_way_that_does_not_pass_is_told_with_the_rules_for_each_firewall() -> None:
    (finding,) = found(paths(answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "esp"]))))
    assert (finding.code, finding.where) == ("H06", "A -> B")
    for rule in (
        "iptables -w -I INPUT -s 10.88.0.11 -p esp",
        "ufw allow from 10.88.0.11 proto esp",
        "firewall-cmd",
        "nft",
    ):
        assert rule in finding.remedy
    assert "security group, inbound: protocol 50 (ESP), source 10.88.0.11/32" in finding.remedy


def closed_esp(said: str, *drops: Drop, read: bool = True) -> Finding:
    """Return what is told of ESP from C to A, which is closed by *drops*."""
    cluster = evidence()
    way = Way("C", "A", "proto 50", passes=False, said=said, drops=drops if read else None)
    (finding,) = found(dataclasses.replace(cluster, paths=Paths((way, Way("C", "A", "udp/7946", True)), {}, {})))
    return finding


def test_what_drops_outside_of_input_is_named_and_what_gets_past_it_alone_is_told() -> None:
    rule = "-A edge -s 10.88.0.13/32 -p esp -j DROP"
    finding = closed_esp("nothing arrived", Drop("iptables", "raw", "PREROUTING", rule, is_sent=False))
    assert finding.evidence.endswith(f"dropped on A by iptables, table raw: {rule}")
    command, kept = finding.remedy.splitlines()
    assert command == "on A: iptables -w -t raw -I PREROUTING -s 10.88.0.13 -p esp -j ACCEPT"
    assert "ends with the next boot; to keep it: systemctl edit docker" in kept


def test_what_the_sender_s_own_firewall_drops_is_opened_there_with_its_rule_or_without() -> None:
    own = Drop("iptables", "filter", "OUTPUT", "-A OUTPUT -p esp -j DROP", is_sent=True)
    for finding in (
        closed_esp("Operation not permitted", own),
        closed_esp("nothing arrived", own),
        closed_esp("Operation not permitted"),
        closed_esp("Operation not permitted", read=False),
    ):
        first, iptables, *others, _ = finding.remedy.splitlines()
        assert first == "on C, which drops what it sends itself, by the firewall it has:"
        assert iptables == "iptables -w -I OUTPUT -d 10.88.0.11 -p esp -j ACCEPT"
        assert [line.split()[0] for line in others] == ["ufw", "firewall-cmd", "nft"]


def test_drops_at_both_ends_are_both_opened() -> None:
    own = Drop("iptables", "filter", "OUTPUT", "-A OUTPUT -p esp -j DROP", is_sent=True)
    there = Drop("iptables", "filter", "INPUT", "-P INPUT DROP", is_sent=False)
    told = closed_esp("Operation not permitted", own, there).remedy
    assert "iptables -w -I OUTPUT -d 10.88.0.11 -p esp -j ACCEPT" in told
    assert "iptables -w -I INPUT -s 10.88.0.13 -p esp -j ACCEPT" in told


def test_where_neither_end_shows_a_rule_that_drops_the_way_between_is_looked_at() -> None:
    between = "C, A show no rule that surely drops it: look on the way between them first"
    assert closed_esp("nothing arrived").remedy.splitlines()[-2] == between
    assert between not in closed_esp("nothing arrived", read=False).remedy


def test_a_smaller_path_is_told_with_the_largest_frame_that_passed_as_the_networks_mtu() -> None:
    said = answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "full"]))
    assert isinstance(said["B"], list)
    said["B"] += [["heard", "0", f"size{size}", f"10.88.0.11 {size}"] for size in (1280, 1380, 1400)]
    (finding,) = found(paths(said))
    assert (finding.code, finding.where) == ("H11", "A -> B")
    assert "1400 bytes pass" in finding.evidence
    assert "com.docker.network.driver.mtu: '1400'" in finding.remedy


def narrow(cluster: Evidence, *sizes: int) -> Evidence:
    """Return *cluster* with a way from A to B that carries frames of *sizes*, and not those of the links' size."""
    said = answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "full"]))
    assert isinstance(said["B"], list)
    said["B"] += [["heard", "0", f"size{size}", f"10.88.0.11 {size}"] for size in sizes]
    return dataclasses.replace(cluster, paths=paths_from(cluster.peers, said, 4789))


@pytest.mark.parametrize(("mtu", "codes"), [("1400", []), ("1300", []), ("1420", ["H11"]), ("", ["H11"])])
def test_a_smaller_path_is_wide_enough_for_networks_that_are_told_its_mtu(mtu: str, codes: list[str]) -> None:
    options = {"com.docker.network.driver.mtu": mtu} if mtu else {}
    networks = (Network("net", "shop_net", driver_options=options), Network("lan", "shop_lan", driver="macvlan"))
    assert [one.code for one in found(with_stack(narrow(evidence(), 1400), networks=networks))] == codes


def test_jumbo_links_over_a_path_of_1500_bytes_are_wide_enough_for_what_docker_assumes() -> None:
    assert found(narrow(evidence(), 1280, 1500)) == []


def test_where_nothing_gets_there_the_lost_answers_are_no_ways_of_their_own_and_the_line_is_looked_at_first() -> None:
    """Frames from A to C alone are lost: what C sends arrives, and only what A answers does not."""
    said = answers(lambda host, words: not (host == "C" and words[1] == "0") and not (host == "A" and words[1] == "2"))
    assert isinstance(said["A"], list)
    said["A"] += [["heard", "2", kind, "10.88.0.13 1500"] for kind in ("esp", "udp7946", "udpdata", "full")]
    esp, ports = found(paths(said))
    assert [(one.code, one.where, one.follows_from) for one in (esp, ports)] == [
        ("H06", "A -> C", "H07"),
        ("H07", "A -> C", ""),
    ]
    assert ports.what == "no packet of any kind from A arrives at C"
    assert all(f"{kind}: A -> C" in ports.evidence for kind in ("proto 50", "udp/7946", "udp/4789", "tcp/7946"))
    for finding in (esp, ports):
        first, second = finding.remedy.splitlines()[:2]
        assert first.startswith("see first that the line and the route are there, on A: ping -c 1 10.88.0.13; if so")
        assert second == "on C, by the firewall it has:"


def cut_off(*apart: tuple[str, str]) -> Said:
    """Return what three hosts hear of each other where nothing passes between those of each pair."""
    numbers = {"A": "0", "B": "1", "C": "2"}
    closed = {(one, numbers[other]) for pair in apart for one, other in (pair, pair[::-1])}
    return answers(lambda host, words: (host, words[1]) not in closed)


def test_a_host_that_is_cut_off_is_one_finding_with_all_that_does_not_pass_and_each_target_s_rules() -> None:
    """It was thirteen: one for each port of each target."""
    esp, ports = found(paths(cut_off(("A", "C"), ("B", "C"))))
    assert (esp.code, esp.follows_from) == ("H06", "H07")
    assert (ports.code, ports.where) == ("H07", "A, B | C")
    assert ports.what == "C is cut off: no packet of any kind passes to or from any other"
    assert "tcp/2377: C -> A" in ports.evidence
    assert "proto 50: A -> C" in ports.evidence
    targets = [line for line in ports.remedy.splitlines() if line.startswith("on ")]
    assert targets == [f"on {host}, by the firewall it has:" for host in "CAB"]
    (of_c, of_a, _) = (line for line in ports.remedy.splitlines() if line.startswith("iptables -w -I"))
    assert of_c.count("iptables -w -I INPUT -s 10.88.0.11 ") == of_c.count("iptables -w -I INPUT -s 10.88.0.12 ") == 4
    assert "-s 10.88.0.13 -p tcp --dport 2377 -j ACCEPT" in of_a
    assert "-s 10.88.0.13 -p esp -j ACCEPT" in of_a


def test_where_no_host_hears_another_one_finding_says_so() -> None:
    _, ports = found(paths(cut_off(("A", "C"), ("B", "C"), ("A", "B"))))
    assert ports.where == "A | B | C"
    assert ports.what.startswith("no host hears another")


def test_two_hosts_that_a_third_hears_both_are_cut_off_from_each_other_alone() -> None:
    _, ports = found(paths(cut_off(("A", "C"))))
    assert (ports.where, ports.what) == ("A <-> C", "no packet of any kind passes between A and C")


def test_a_port_that_is_closed_beside_a_cut_is_told_for_itself() -> None:
    said = cut_off(("A", "C"), ("B", "C"))
    assert isinstance(said["B"], list)
    said["B"] = [words for words in said["B"] if words[1:3] != ["0", "udp7946"]]
    assert [(one.code, one.where) for one in found(paths(said))] == [
        ("H06", "A, B | C"), ("H07", "A, B | C"), ("H07", "A -> B"),
    ]  # fmt: skip


def test_a_port_that_a_firewall_drops_is_told_though_all_else_passes_both_ways() -> None:
    said = answers(lambda host, words: not (host == "C" and words == ["tcp", "0", "2377", "ok"]))
    (finding,) = found(paths(said))
    assert finding.where == "C -> A"
    assert finding.remedy.startswith("on A, by the firewall it has:")


def test_a_refused_connection_whose_packet_arrived_passes_and_one_that_did_not_is_blocked() -> None:
    said = answers(lambda host, words: words[:3] != ["tcp", "1", "7946"] or host != "A")
    assert isinstance(said["A"], list)
    said["A"].append(["tcp", "1", "7946", "Connection refused"])
    assert [finding.where for finding in found(paths(said))] == ["A -> B"]
    assert isinstance(said["B"], list)
    said["B"].append(["heard", "0", "tcp7946", "10.88.0.11 0"])
    assert found(paths(said)) == []


def test_an_address_translated_on_the_way_is_told() -> None:
    said = answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "udpdata"]))
    assert isinstance(said["B"], list)
    said["B"].append(["heard", "0", "udpdata", "192.0.2.7 1500"])
    (finding,) = found(paths(said))
    assert (finding.code, finding.where) == ("H17", "A -> B")
    assert "192.0.2.7" in finding.what


def test_esp_that_is_lost_where_an_address_is_translated_is_no_closed_firewall() -> None:
    lost = [("B", "udpdata"), ("B", "esp")]
    said = answers(lambda host, words: not (words[1] == "0" and (host, words[2]) in lost))
    assert isinstance(said["B"], list)
    said["B"].append(["heard", "0", "udpdata", "192.0.2.7 1500"])
    assert [finding.code for finding in found(paths(said))] == ["H17"]


def test_a_host_from_which_nothing_could_be_sent_is_told_and_blames_no_way() -> None:
    said = answers()
    said["C"] = RuntimeError("no perl")
    (finding,) = found(paths(said))
    assert (finding.severity, finding.where) == ("warning", "C")


def with_bare_c(*lines: str) -> Said:
    """Return what is heard where C has neither perl nor python3, and its bash says *lines*."""
    said = answers(lambda host, words: host != "C" and (words[0] == "tcp" or words[1] != "2"))
    said["C"] = [line.split(maxsplit=3) for line in ("bare", *lines)]
    return said


ALL_OF_BASH = ("tcp 0 7946 ok", "tcp 0 2377 ok", "tcp 1 7946 Connection refused", "pinged 0 full", "pinged 1 full")


def test_a_host_with_bash_alone_tries_connections_and_the_mtu_and_is_told() -> None:
    said = with_bare_c(*ALL_OF_BASH)
    for host in "AB":
        lines = said[host]
        assert isinstance(lines, list)
        lines += [["heard", "2", f"tcp{port}", "10.88.0.13 0"] for port in ("7946", "2377")]
    seen = paths(said)
    (finding,) = found(seen)
    assert (finding.severity, finding.where) == ("warning", "C")
    assert finding.what == "neither UDP nor ESP could be tried from or to C"
    of_c = {(way.source, way.target, way.kind) for way in seen.paths.ways if "C" in (way.source, way.target)}
    assert of_c == {
        *(("C", "A", kind) for kind in ("tcp/7946", "tcp/2377", "full frame")),
        *(("C", "B", kind) for kind in ("tcp/7946", "full frame")),
        *(("A", "C", "tcp/7946"), ("B", "C", "tcp/7946")),
    }


def test_a_refusal_that_the_other_host_has_not_heard_is_a_firewall_s() -> None:
    (closed,) = (one for one in found(paths(with_bare_c(*ALL_OF_BASH))) if one.severity == "error")
    assert (closed.code, closed.where) == ("H07", "C -> B")
    assert "iptables -w -I INPUT -s 10.88.0.13 -p tcp --dport 7946" in closed.remedy


def test_a_refusal_by_a_host_that_hears_nothing_may_be_a_firewall_s_and_is_told_as_untried() -> None:
    """iptables -j REJECT on C passed for an open way."""
    said = with_bare_c("tcp 0 7946 ok", "tcp 0 2377 ok", "tcp 1 7946 ok")
    for host, answer in (("A", "Connection refused"), ("B", "ok")):
        lines = said[host]
        assert isinstance(lines, list)
        lines[:] = [words for words in lines if words[:3] != ["tcp", "2", "7946"]]
        lines.append(["tcp", "2", "7946", answer])
    seen = paths(said)
    (finding,) = found(seen)
    assert (finding.code, finding.severity) == ("H07", "warning")
    assert finding.what == "neither UDP nor ESP could be tried from or to C, nor TCP to it"
    assert finding.evidence.endswith("; refused by it or by a firewall: A at tcp/7946")
    assert {(way.source, way.passes) for way in seen.paths.ways if way.target == "C"} == {("B", True)}


def test_connections_that_fail_from_bash_are_ports_and_no_cut() -> None:
    """What was not tried is not told to be closed."""
    told = ("tcp 0 7946 timeout", "tcp 0 2377 timeout", "tcp 1 7946 ok")
    closed = [one for one in found(paths(with_bare_c(*told))) if one.severity == "error"]
    assert {(one.code, one.where, one.what.split()[0]) for one in closed} == {
        ("H07", "C -> A", "tcp/7946"),
        ("H07", "C -> A", "tcp/2377"),
    }


def test_a_path_that_is_too_small_for_pings_is_told_with_what_came_back() -> None:
    told = (*ALL_OF_BASH[:2], "tcp 1 7946 ok", "pinged 0 full", "pinged 1 1380", "pinged 1 1280")
    (small,) = (one for one in found(paths(with_bare_c(*told))) if one.severity == "error")
    assert (small.code, small.where) == ("H11", "C -> B")
    assert "1380 bytes pass" in small.evidence


def test_that_esp_was_tried_is_not_said_where_bash_alone_tried_anything() -> None:
    seen = paths({"B": [["bare"], *([["tcp", "2", "7946", "ok"]])], "C": [["bare"], ["tcp", "1", "7946", "ok"]]})
    assert {"H06", "H17"}.isdisjoint(looked_for(seen))
    assert "H07" in looked_for(seen)


def test_what_did_not_pass_on_a_busy_host_is_tried_once_more_and_longer() -> None:
    fleet = fake_fleet(World().inventory)
    rounds: dict[str, list[str]] = {"A": [], "B": [], "C": []}

    def deaf_at_first(host: str, arguments: tuple[str, ...]) -> CommandResult:
        rounds[host].append(arguments[2])
        lines = answers(lambda *said: len(rounds[host]) > 1 or said != ("B", ["heard", "0", "esp", "10.88.0.11 1500"]))
        assert isinstance(lines[host], list)
        return CommandResult(0, "\n".join(" ".join(words) for words in lines[host]) + "\nend\n", "")

    for name, reached in fleet.items():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = lambda _, arguments, name=name: deaf_at_first(name, arguments)
    told = probe_paths(fleet, evidence().peers, 4789, {}, dict)
    assert [way for way in told.ways if not way.passes] == []
    assert rounds == {name: ["3", "5"] for name in "ABC"}


def test_workers_are_asked_for_no_manager_port() -> None:
    kinds = {(way.target, way.kind) for way in paths(answers()).paths.ways}
    assert ("A", "tcp/2377") in kinds
    assert ("B", "tcp/2377") not in kinds


def host_rules(iptables: str) -> HostRules:
    told = parse_rules(f"\n== addresses\n\n== iptables\n{iptables}\nCOMMIT\n\n== end\n")
    assert told
    return told


OPEN = "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]"


def test_the_rules_of_both_hosts_of_a_closed_way_are_told() -> None:
    edge = "-A PREROUTING -s 10.88.0.11/32 -p esp -j DROP"
    rules = {"A": host_rules(OPEN), "B": host_rules(f"*raw\n:PREROUTING ACCEPT [0:0]\n{edge}")}
    (way,) = with_drops([Way("A", "B", "proto 50", passes=False)], evidence().peers, rules)
    assert [drop.rule for drop in way.drops or ()] == [edge]


STATEFUL = ":INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        ("", False),
        ("\n-A INPUT -s 10.88.0.0/24 -p esp -j ACCEPT", True),
        ("\n-A INPUT -m set --match-set trusted src -j ACCEPT", True),
        ("\n-A INPUT -m policy --dir in --pol ipsec -p udp -j ACCEPT", False),
        ("\n-A INPUT -m limit --limit 3/min -j LOG", False),
        ("\n-A INPUT -j NFQUEUE --queue-num 1", True),
    ],
)
def test_esp_that_a_firewall_lets_in_as_an_answer_alone_does_not_pass(rules: str, passes: bool) -> None:
    """The target's own ESP, a moment before, made the sender's an answer: without it the first packet is dropped."""
    hosts = {"A": host_rules(OPEN), "B": host_rules(f"*filter\n{STATEFUL}{rules}")}
    esp, gossip = with_drops(
        [Way("A", "B", "proto 50", passes=True), Way("A", "B", "udp/7946", passes=True)], evidence().peers, hosts
    )
    assert (esp.passes, gossip.passes) == (passes, True)
    if not passes:
        cluster = dataclasses.replace(evidence(), paths=Paths((esp, gossip), {}, {}))
        (finding,) = found(cluster)
        assert (finding.code, finding.where) == ("H06", "A -> B")
        assert "as an answer alone" in finding.evidence
        assert "iptables, table filter: -P INPUT DROP" in finding.evidence
        assert "ufw allow from 10.88.0.11 proto esp" in finding.remedy


def test_esp_that_was_heard_though_the_rules_drop_it_whenever_it_comes_is_believed() -> None:
    """What the rules say is not what happens there: they were read wrong, or changed meanwhile."""
    hosts = {"B": host_rules("*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT")}
    (way,) = with_drops([Way("A", "B", "proto 50", passes=True)], evidence().peers, hosts)
    assert way.passes


@pytest.mark.parametrize(
    ("way", "is_sent", "words"),
    [
        (("filter_INPUT", "filter_INPUT_POLICIES", "filter_IN_work", "filter_IN_work_deny", "filter_INPUT"), False,
         "firewall-cmd --zone=work --permanent --add-rich-rule='rule family=ipv4 source address=10.88.0.13 "),
        (("filter_OUTPUT", "filter_OUT_policy_sealed", "filter_OUT_policy_sealed"), True,
         "firewall-cmd --permanent --policy=sealed --add-rich-rule='rule family=ipv4 destination address=10.88.0.11 "),
        (("filter_OUTPUT",), True, "firewall-cmd --permanent --direct --add-rule ipv4 filter OUTPUT 0 -d 10.88.0.11 "),
    ],
)  # fmt: skip
def test_the_zone_or_the_policy_by_which_firewalld_drops_is_the_one_that_is_told(
    way: tuple[str, ...], is_sent: bool, words: str
) -> None:
    drop = Drop("nft", "inet firewalld", way[0], "drop", is_sent, way=way)
    assert words in closed_esp("nothing arrived", drop).remedy


def test_a_way_by_ipv6_is_not_judged_by_the_rules_of_ipv4() -> None:
    rules = dict.fromkeys("AB", host_rules("*filter\n:INPUT DROP [0:0]"))
    peers = evidence().peers
    by_ipv6 = {name: dataclasses.replace(peer, data=f"fd00::{name.lower()}") for name, peer in peers.items()}
    way = Way("A", "B", "proto 50", passes=False)
    assert with_drops([way], by_ipv6, rules) == (way,)
    (judged,) = with_drops([way], peers, rules)
    assert [drop.rule for drop in judged.drops or ()] == ["-P INPUT DROP"]
