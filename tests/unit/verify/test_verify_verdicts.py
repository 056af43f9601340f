"""What prove() says of a healthy shop, and of one with a single thing wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest
from verify_world import ADDRESS, NET, SAMPLES, SPI, TASK, VIP, World

from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.rejections import link_left_remedy, taken_port_remedy
from swarmkit.plan.networks.firewall_rules import STILL_CLOSED
from swarmkit.reach.engine import EngineError
from swarmkit.verify import prove as proofs
from swarmkit.verify.encryption.wire import VNI_OPTION
from swarmkit.verify.live import read_live
from swarmkit.verify.prove import prove


@pytest.fixture
def world() -> World:
    return World()


def proved(world: World, **options: float) -> tuple[Finding, ...]:
    return prove(world.fleet, world.inventory, None, world.observed, **options).findings


def errors(world: World) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in proved(world) if finding.severity == "error"]


def causes(world: World) -> list[tuple[str, str]]:
    """Return the errors without the verdicts that follow from them."""
    return [error for error in errors(world) if error[0] != "V12"]


def verdicts(world: World) -> dict[str, str]:
    return {finding.where: finding.what for finding in proved(world) if finding.code == "V12"}


def test_a_healthy_shop_is_proved_and_ingress_is_said_to_be_in_clear(world: World) -> None:
    findings = proved(world)
    assert [(finding.code, finding.where) for finding in findings if finding.severity != "ok"] == [("V13", "ingress")]
    codes = {finding.code for finding in findings}
    where = {code: [finding.where for finding in findings if finding.code == code] for code in codes}
    assert where["V01"] == ["A", "B", "C"]
    assert where["V02"] == ["shop_backend", "shop_database", "shop_frontend"]
    assert "shop_frontend@A -> shop_database" in where["V05"]
    assert len(where["V05"]) == 6
    assert where["V06"] == ["shop_frontend at A", "shop_frontend at B", "shop_frontend at C"]
    assert where["V12"] == ["A <-> B", "A <-> C", "B <-> C"]
    assert where["V19"] == ["shop_shop on A", "shop_shop on B", "shop_shop on C"]
    assert "host A -> shop_database" in where["V24"]


def test_a_node_with_another_label_role_or_state_is_an_error(world: World) -> None:
    world.nodes[1]["Spec"]["Labels"] = {}
    world.nodes[2]["Status"]["State"] = "down"
    found = {f.where: f.what for f in proved(world) if f.code == "V01" and f.severity == "error"}
    assert "label role is not there, declared is B" in found["B"]
    assert "state is down" in found["C"]


def test_a_task_of_an_older_spec_does_not_count(world: World) -> None:
    world.tasks[0]["Spec"] = {"ContainerSpec": {"Image": "older"}}
    assert ("V02", "shop_frontend") in errors(world)


def test_a_paused_task_runs_for_the_managers_and_is_an_error_with_the_command_that_lets_it_go_on(world: World) -> None:
    world.paused.add("shop_frontend")
    found = next(f for f in proved(world) if f.severity == "error")
    assert (found.code, found.where) == ("V02", "shop_frontend")
    assert found.what == "service shop_frontend: 1 of 1 tasks are paused, on A: nothing runs there"
    assert found.remedy == "on A: docker unpause c-shop_front"


def test_a_task_whose_processes_a_signal_has_stopped_is_an_error_too(world: World) -> None:
    """Its kernel took every connection, and all was proved."""
    world.stopped.add("shop_backend")
    found = next(f for f in proved(world) if f.severity == "error")
    assert (found.code, found.where) == ("V02", "shop_backend")
    assert found.what == "service shop_backend: 1 of 1 tasks are stopped by a signal, on B: nothing runs there"
    assert found.remedy == "on B: docker container top c-shop_backe -o pid | tail -n +2 | xargs kill -CONT"


def test_a_task_that_waits_is_explained(world: World) -> None:
    world.tasks[1]["Status"] = {"State": "pending", "Err": "no suitable node"}
    found = next(f for f in proved(world) if f.code == "V02" and f.severity == "error")
    assert found.what == "service shop_backend: 0 of 1 tasks run"
    assert found.evidence == "pending: no suitable node"
    assert found.remedy.endswith("; what its host may lack, such as ESP: swarmkit doctor")


def test_a_task_that_never_starts_is_told_with_the_encrypted_network_that_nothing_was_tried_of_on_its_host(
    world: World,
) -> None:
    """ESP was lost under it, its health check failed, and V02 said no more than that it did not run."""
    world.tasks[1]["Status"] = {"State": "starting", "Message": "starting"}
    (found,) = (f for f in proved(world) if f.code == "V02" and f.severity == "error")
    assert "it shall run on B, where no task is on its encrypted network shop_shop" in found.evidence
    assert found.remedy.endswith(
        "what B may lack for ESP (H04), and where it is dropped on the way (H06): swarmkit doctor"
    )


def test_a_service_of_which_nothing_runs_is_explained_by_its_last_failure(world: World) -> None:
    world.tasks[1] |= {
        "DesiredState": "shutdown",
        "CreatedAt": "2",
        "Status": {"State": "rejected", "Err": "No such image"},
    }
    world.tasks.append(world.tasks[1] | {"CreatedAt": "1", "Status": {"State": "failed", "Err": "older"}})
    found = next(f for f in proved(world) if f.code == "V02" and f.severity == "error")
    assert found.evidence == "the last one that failed: No such image"


def test_a_link_that_stands_in_the_way_of_a_task_is_told_with_its_host_and_what_removes_it(
    world: World,
) -> None:
    """V02 sent to `docker service ps`, of one replica that lacks it said nothing: the engine's words name no host."""
    rejected = {"State": "rejected", "Err": "sandbox join failed: error creating vxlan interface: file exists"}
    world.tasks[1] |= {"DesiredState": "shutdown", "CreatedAt": "2", "Status": rejected}
    waiting = {"DesiredState": "running", "CreatedAt": "3", "NodeID": "", "Status": {"State": "pending"}}
    world.tasks.append(world.tasks[1] | waiting)
    found = next(f for f in proved(world) if f.code == "V02" and f.severity == "error")
    assert found.evidence.endswith(rejected["Err"])
    assert found.remedy == link_left_remedy("B").replace("sudo ", "")


@pytest.mark.parametrize(
    ("state", "is_told"), [("preparing", True), ("pending", False)], ids=["it tries again", "it waits for a node"]
)
def test_a_port_that_something_on_the_host_has_is_told_where_the_task_tries_again(
    world: World, state: str, is_told: bool
) -> None:
    """V02 said that the host may lack ESP, and sent to the doctor, who finds nothing."""
    failed = {"State": "failed", "Err": "userland proxy: listen tcp4 0.0.0.0:8099: bind: address already in use"}
    world.tasks[1] |= {"DesiredState": "shutdown", "CreatedAt": "2", "Status": failed}
    waiting = {"DesiredState": "running", "CreatedAt": "3", "Status": {"State": state}}
    world.tasks.append(world.tasks[1] | waiting)
    found = next(f for f in proved(world) if f.code == "V02" and f.severity == "error")
    assert (found.remedy == taken_port_remedy("B", "8099")) is is_told


def test_a_task_that_ended_since_it_was_read_leaves_nothing_to_encrypt_on_its_host(world: World) -> None:
    """Its network is gone there with its rules and states: no firewall lost them, and no restart brings them back."""
    gone = EngineError("B", "inspect the container", 404, "No such container: c-shop_backend")
    world.broken_containers["c-shop_backend"] = gone
    world.shells["B"].sections |= {"mangle": "", "input": "", "states": "", "policies": ""}
    assert errors(world) == [("V02", "shop_backend"), ("V05", "shop_backend on B")]
    assert verdicts(world).keys() == {"A <-> C"}


def test_an_update_that_was_paused_is_an_error_and_one_that_was_taken_back_a_warning(world: World) -> None:
    """What ran before runs then; whether that is what the file says, V20 tells."""
    world.services[0]["UpdateStatus"] = {"State": "rollback_completed", "Message": "rolled back"}
    assert errors(world) == []
    assert [f.severity for f in proved(world) if f.code == "V03"] == ["warning"]
    world.services[0]["UpdateStatus"] = {"State": "paused", "Message": "paused"}
    assert errors(world) == [("V03", "shop_frontend")]


@pytest.mark.parametrize("name", ["shop_backend", "tasks.shop_backend", "backend"])
def test_a_name_that_gives_another_address_is_an_error(world: World, name: str) -> None:
    world.shells["A"].names[name] = "10.0.1.99"
    assert errors(world) == [("V04", "shop_frontend@A -> shop_backend")]


def test_a_name_that_leads_over_a_lan_that_both_services_are_on_is_right(world: World) -> None:
    """No manager knows the tasks' addresses there: each host gives them out of its part."""
    world.put_on_lan("shop_frontend", "shop_backend")
    world.shells["A"].names = dict.fromkeys(("shop_backend", "tasks.shop_backend", "backend"), "10.88.0.132")
    assert errors(world) == []
    world.shells["A"].names["tasks.shop_backend"] = "10.88.0.140 10.88.0.132"
    assert errors(world) == [("V04", "shop_frontend@A -> shop_backend")]
    world.shells["A"].names = {"shop_database": "10.88.0.136"}
    assert errors(world) == [("V04", "shop_frontend@A -> shop_database")]


def test_a_container_whose_resolver_answers_nothing_is_at_fault_and_not_whom_it_asked_for(world: World) -> None:
    """Those that were asked for were told to be updated by force: the database was to be restarted for nothing."""
    world.unresolving.add("shop_frontend")
    found = [one for one in proved(world) if one.code == "V04" and one.severity == "error"]
    assert {one.where.partition(" ->")[0] for one in found} == {"shop_frontend@A"}
    for one in found:
        assert one.remedy.startswith("on A: docker service update --force shop_frontend (its resolver there answers")


def test_the_replicas_of_a_network_s_only_service_find_each_other_by_its_own_names(world: World) -> None:
    """Nobody else is on the network to ask, and a cluster of databases goes by just these names."""
    world.services, world.tasks = world.services[:1], world.tasks[:1]
    second = {"ID": "t-2", "NodeID": "node-B", "NetworksAttachments": [_attached("10.0.1.20")]}
    world.tasks.append(world.tasks[0] | second)
    world.services[0]["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    both = f"{TASK['shop_frontend']} 10.0.1.20"
    for host in "AB":
        world.shells[host].names = {"tasks.shop_frontend": both, "shop_frontend": VIP["shop_frontend"]}
    world.shells["B"].names["frontend"] = VIP["shop_frontend"]
    found = {f.where: f for f in proved(world) if f.code == "V04"}
    assert {where: f.severity for where, f in found.items()} == {
        "shop_frontend@A -> shop_frontend": "ok",
        "shop_frontend@B -> shop_frontend": "ok",
    }
    world.shells["B"].names["tasks.shop_frontend"] = TASK["shop_frontend"]
    (wrong,) = (f for f in proved(world) if f.code == "V04" and f.severity == "error")
    assert wrong.where == "shop_frontend@B -> shop_frontend"
    assert wrong.evidence == f"tasks.shop_frontend is {TASK['shop_frontend']}, expected 10.0.1.20, 10.0.1.3"


def test_names_that_stayed_wrong_after_a_partition_are_an_error_of_each_host_that_asked_with_their_remedy(
    world: World,
) -> None:
    """B and C took each other for gone, heard each other again, and kept no names of each other (HAZARDS 0.1 #10)."""
    world.shells["B"].names = dict.fromkeys(("shop_database", "tasks.shop_database", "database"), "")
    world.shells["C"].names = {"tasks.shop_backend": "10.0.1.99"}
    found = [f for f in proved(world) if f.severity == "error"]
    assert [(f.code, f.where, f.remedy) for f in found] == [
        ("V04", "shop_backend@B -> shop_database", "on A: docker service update --force shop_database"),
        ("V04", "shop_database@C -> shop_backend", "on A: docker service update --force shop_backend"),
    ]
    assert found[0].what == "shop_backend on B does not resolve shop_database as it should"
    assert f"tasks.shop_database is NOERROR, expected {TASK['shop_database']}" in found[0].evidence
    assert found[1].evidence == f"tasks.shop_backend is 10.0.1.99, expected {TASK['shop_backend']}"
    assert not {f.where for f in found} & {"shop_frontend@A -> shop_database", "shop_frontend@A -> shop_backend"}
    assert all(not f.follows_from for f in found)
    world.shells["B"].names, world.shells["C"].names = {}, {}
    assert errors(world) == []


def test_a_name_may_give_a_task_that_starts_but_not_the_running_one_less(world: World) -> None:
    world.tasks.append(
        world.tasks[1]
        | {"ID": "t-new", "Status": {"State": "starting"}, "NetworksAttachments": [_attached("10.0.1.20")]}
    )
    world.shells["A"].names["tasks.shop_backend"] = f"{TASK['shop_backend']} 10.0.1.20"
    assert "V04" not in {code for code, _ in errors(world)}
    world.shells["A"].names["tasks.shop_backend"] = "10.0.1.20"
    assert "V04" in {code for code, _ in errors(world)}


def test_a_connection_that_hangs_is_an_error_of_its_path_alone(world: World) -> None:
    world.shells["A"].unanswered = {VIP["shop_database"]}
    found = [f for f in proved(world) if f.severity == "error"]
    assert [(f.code, f.where) for f in found] == [("V05", "shop_frontend@A -> shop_database")]
    assert "modprobe ip_vs" in found[0].remedy


def test_frames_that_are_lost_behind_the_decryption_name_the_data_path_s_port_and_its_rule(world: World) -> None:
    """It told of a service's logs: ESP gets through, and a rule drops what was in it."""
    world.shells["C"].deaf = {TASK["shop_database"], VIP["shop_database"]}
    world.shells["A"].unanswered = {TASK["shop_database"], VIP["shop_database"]}
    found = {f.where: f for f in proved(world) if f.code == "V05" and f.severity == "error"}
    remedy = found["shop_frontend@A -> shop_database"].remedy
    assert remedy.startswith("frames from A get lost at udp/4789 of C: on C: iptables -w -I INPUT -s 10.88.0.11 ")
    assert "-p udp --dport 4789 -j ACCEPT" in remedy
    assert "swarmkit doctor names the rule" in remedy
    assert remedy.endswith("then swarmkit verify, whose V10 puts Docker's rules above it where needed")
    assert "from C" not in remedy


def test_a_connection_that_fails_though_frames_arrive_asks_for_the_logs_and_the_doctor(world: World) -> None:
    world.shells["A"].unanswered = {TASK["shop_database"], VIP["shop_database"]}
    (finding,) = (f for f in proved(world) if f.severity == "error")
    assert finding.remedy.startswith("on A: docker service logs --tail 20 shop_database")
    assert finding.remedy.endswith("swarmkit doctor tries udp/4789 and ESP between A and C")


def test_frames_that_esp_does_not_carry_are_no_matter_of_the_data_path_s_port(world: World) -> None:
    world.shells["C"].deaf = {TASK["shop_database"], VIP["shop_database"]}
    world.shells["C"].received["A"] = 0
    world.shells["A"].unanswered = {TASK["shop_database"], VIP["shop_database"]}
    found = {f.code: f for f in proved(world) if f.severity == "error" and "A" in f.where}
    assert "IP protocol 50" in found["V11"].what
    assert "get lost at udp/4789" not in found["V05"].remedy


def test_a_connection_whose_name_is_wrong_too_asks_for_the_names_remedy(world: World) -> None:
    """It asked for ip_vs and an engine's restart: a VIP leads nowhere when the records of its tasks are lost."""
    world.shells["A"].names = dict.fromkeys(("shop_database", "tasks.shop_database", "database"), "")
    world.shells["A"].unanswered = {VIP["shop_database"]}
    wrong = [f for f in proved(world) if f.severity == "error" and f.where == "shop_frontend@A -> shop_database"]
    found = {f.code: f.remedy for f in wrong}
    assert found["V04"] == "on A: docker service update --force shop_database"
    assert found["V05"] == "first do what V04 says of this way: on A: docker service update --force shop_database"


def test_a_vip_in_another_subnet_than_the_tasks_asks_for_one_subnet(world: World) -> None:
    world.shells["A"].unanswered = {VIP["shop_database"]}
    world.networks[0]["IPAM"] = {"Config": [{"Subnet": "10.0.1.0/24"}, {"Subnet": "10.0.9.0/24"}]}
    (finding,) = (f for f in proved(world) if f.severity == "error")
    assert finding.remedy == "give shop_shop one subnet: the VIP may be in another than this host's end of it (B50)"


def test_an_answer_that_is_late_is_one_at_the_second_try_and_nobody_else_is_asked_again(world: World) -> None:
    world.shells["A"].unanswered = {VIP["shop_database"]}
    world.shells["A"].is_late = True
    findings = proved(world)
    assert [f for f in findings if f.severity == "error"] == []
    late = [f.where for f in findings if "second try" in f.evidence]
    assert late == ["shop_frontend@A -> shop_database"]
    assert [shell.rounds for shell in world.shells.values()] == [2, 1, 1]


def test_a_forbidden_name_that_was_told_once_is_not_asked_again(world: World) -> None:
    world.part("shop_database")
    world.shells["A"].names["shop_database"] = TASK["shop_database"]
    assert ("V18", "shop_frontend@A -> shop_database") in errors(world)
    assert world.shells["A"].rounds == 1


def test_a_refusal_is_an_answer_only_where_nothing_listens(world: World) -> None:
    for shell in world.shells.values():
        shell.refusing = {VIP["shop_database"], TASK["shop_database"]}
    assert {code for code, _ in errors(world)} == {"V05"}
    world.shells["C"].sections = {f"listen.{pid}": "" for pid in range(1000, 1003)}
    assert errors(world) == []


def test_a_container_that_cannot_be_entered_is_an_error(world: World) -> None:
    world.broken_containers["c-shop_backend"] = SwarmkitError("no such container")
    assert ("V05", "shop_backend on B") in errors(world)


def test_a_port_that_answers_only_because_the_engine_holds_it_is_an_error(world: World) -> None:
    world.shells["C"].sections["nat"] = "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS"
    assert errors(world) == [("V06", "shop_frontend at C")]


def test_a_port_that_does_not_answer_to_one_host_is_an_error_that_names_it(world: World) -> None:
    world.shells["B"].unanswered = {ADDRESS["C"]}
    found = [f for f in proved(world) if f.severity == "error"]
    assert [(f.code, f.where) for f in found] == [("V06", "shop_frontend at C"), ("V26", "B -> C")]
    assert found[0].evidence.startswith("from B:")


def test_a_network_without_encryption_is_no_proof(world: World) -> None:
    world.networks[0] |= {"Options": {}, "Labels": {"com.docker.stack.namespace": "shop"}}
    findings = proved(world)
    assert not [f for f in findings if f.code == "V12"]
    (finding,) = (one for one in findings if one.code == "V08")
    assert finding.severity == "warning"
    assert "up --recreate-networks" in finding.remedy


@pytest.mark.parametrize("section", ["mangle", "input"])
def test_a_missing_firewall_rule_is_an_error_and_its_host_proves_no_pair(world: World, section: str) -> None:
    world.shells["B"].sections[section] = "-P OUTPUT ACCEPT"
    assert causes(world) == [("V10", "shop_shop on B")]
    told = verdicts(world)
    assert told["A <-> B"] == "the encryption of shop_shop between A and B is not proved"
    assert told["B <-> C"] == "the encryption of shop_shop between B and C is not proved"
    assert told["A <-> C"].startswith("network shop_shop is encrypted between A and C")


def test_a_subnet_that_a_host_has_no_link_for_needs_no_rules_there(world: World) -> None:
    """Of two subnets, or of IPv4 and IPv6, a host has link and rules of those that its containers have."""
    world.networks[0]["Options"][VNI_OPTION] = "4097,5004"
    link = r"7: vxlan0@if7: <UP> mtu 1424 master br0 \    vxlan id {} srcport 0 0 dstport 4789 l2miss l3miss "
    for shell in world.shells.values():
        shell.sections["links.netid"] = link.format(4097)
    assert errors(world) == []
    world.shells["B"].sections["links.netid"] += "\n" + link.format(5004)
    assert causes(world) == [("V10", "shop_shop on B")]
    world.shells["B"].sections["links.netid"] = ""  # not readable: then it needs the rules of all
    assert causes(world) == [("V10", "shop_shop on B")]


def test_what_a_program_behind_a_packet_queue_may_accept_is_not_proved_to_be_dropped(world: World) -> None:
    """A queue before Docker's rule let every frame pass that its program liked, and the network was proved."""
    queue = "-A INPUT -p udp -m comment --comment ids -j NFQUEUE --queue-num 0 --queue-bypass"
    rules = (SAMPLES / "iptables-input-bpf.txt").read_text()
    world.shells["B"].sections["input"] = rules.replace("-A INPUT", f"{queue}\n-A INPUT", 1)
    (finding,) = (one for one in proved(world) if one.code == "V10")
    assert finding.evidence == (
        "that clear frames of VNI 4097 are dropped is not proved: "
        f"before that rule a program gets them, and may accept: {queue}"
    )
    assert "iptables -w -I INPUT 1 " in finding.remedy
    assert verdicts(world)["A <-> B"] == "the encryption of shop_shop between A and B is not proved"


def test_states_that_are_gone_are_errors_of_both_directions(world: World) -> None:
    world.shells["C"].sections["states"] = ""
    assert [e for e in errors(world) if e[0] == "V09"] == [
        ("V09", "A -> C"),
        ("V09", "B -> C"),
        ("V09", "C -> A"),
        ("V09", "C -> B"),
    ]


def test_states_with_numbers_that_the_peer_does_not_know_are_an_error(world: World) -> None:
    world.shells["C"].other_spis = {SPI["A", "C"]: 0x7FFFFFFF}
    found = [f for f in proved(world) if f.severity == "error" and f.code != "V12"]
    assert [(f.code, f.where) for f in found] == [("V09", "A -> C")]
    assert "C knows 0x7fffffff" in found[0].evidence


def test_what_is_sent_and_not_received_is_blocked_on_the_way(world: World) -> None:
    world.shells["B"].received["A"] = 0
    found = [f for f in proved(world) if f.severity == "error" and f.code != "V12"]
    assert [(f.code, f.where) for f in found] == [("V11", "A -> B")]
    rule = "on B: iptables -w -I INPUT -s 10.88.0.11 -p esp -j ACCEPT; "
    group = f"in a cloud's security group, inbound: protocol 50 (ESP), source 10.88.0.11/32; {STILL_CLOSED}"
    assert found[0].remedy == rule + group
    world.shells["B"].sections["firewalls"] = "firewalld"
    (other,) = (f for f in proved(world) if f.code == "V11")
    assert other.remedy.startswith("on B: firewall-cmd --add-rich-rule='rule family=ipv4 ")


def test_what_arrives_and_cannot_be_decrypted_is_not_blamed_on_a_firewall(world: World) -> None:
    world.shells["B"].received["A"] = 0
    world.shells["B"].refused["A"] = 4
    found = [f for f in proved(world) if f.severity == "error" and f.code != "V12"]
    assert [(f.code, f.where) for f in found] == [("V11", "A -> B")]
    assert "B cannot decrypt what A encrypts" in found[0].what
    assert "B got 4 packets that its key does not fit" in found[0].evidence
    assert found[0].remedy == "on B: systemctl restart docker; if that is not enough, the same on A"


@pytest.mark.parametrize(("chain", "host"), [("INPUT", "B"), ("OUTPUT", "A")])
def test_esp_that_is_let_through_as_an_answer_alone_is_not_proved(world: World, chain: str, host: str) -> None:
    state = f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    peer = "-s 10.88.0.11" if chain == "INPUT" else "-d 10.88.0.12"
    world.shells[host].rules = f"*filter\n:{chain} ACCEPT [0:0]\n{state}\n-A {chain} {peer}/32 -p esp -j DROP\nCOMMIT"
    (found,) = (f for f in proved(world) if f.severity == "error" and f.code != "V12")
    assert (found.code, found.where) == ("V11", "A -> B")
    assert found.evidence == (
        f"a first packet is dropped on {host} by iptables, table filter: -A {chain} {peer}/32 -p esp -j DROP"
    )
    assert found.remedy.startswith(f"on {host}")
    assert f"iptables -w -I {chain} {peer} -p esp -j ACCEPT" in found.remedy


def test_the_firewall_that_drops_first_packets_is_the_one_whose_words_are_told(world: World) -> None:
    """fail2ban has a chain of its own at nftables' hook, which drops nothing of it."""
    shell = world.shells["B"]
    hook = "type filter hook input priority filter - 1; policy accept;"
    shell.sections["firewalls"] = f"table inet f2b-table {{\n\tchain f2b-chain {{\n\t\t{hook}\n\t}}\n}}"
    state = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
    shell.rules = f"*filter\n:INPUT DROP [0:0]\n{state}\nCOMMIT"
    told = {f.where: f.remedy for f in proved(world) if f.code == "V11"}
    assert told["A -> B"] == "on B: iptables -w -I INPUT -s 10.88.0.11 -p esp -j ACCEPT"
    shell.sections["firewalls"] = f"ufw\n{shell.sections['firewalls']}"
    told = {f.where: f.remedy for f in proved(world) if f.code == "V11"}
    assert told["A -> B"] == "on B: ufw allow from 10.88.0.11 proto esp"


def test_what_is_never_encrypted_is_an_error_of_the_sender(world: World) -> None:
    world.shells["A"].sent["B"] = 0
    assert causes(world) == [("V11", "A -> B")]


@pytest.mark.parametrize("still_counts", [True, False])
def test_error_counters_are_named_when_they_grow_a_second_time(
    world: World, monkeypatch: pytest.MonkeyPatch, still_counts: bool
) -> None:
    def look_again(*_: object, **__: object) -> Observed:
        world.shells["B"].new_errors *= still_counts
        return world.observed

    monkeypatch.setattr(proofs, "observe", look_again)
    world.shells["B"].new_errors = 5
    assert errors(world) == ([("V15", "B")] if still_counts else [])


def test_a_host_that_fails_hides_no_other(world: World) -> None:
    world.shells["B"].error = SwarmkitError("connection lost", "reset by peer")
    found = proved(world)
    failed = {(f.code, f.where) for f in found if f.severity == "error"}
    assert ("V14", "B") in failed
    assert {("V12", "A <-> B"), ("V12", "B <-> C")} <= failed
    assert [f.where for f in found if f.code == "V12" and f.severity == "ok"] == ["A <-> C"]


def test_a_bug_in_a_host_check_is_a_finding_too(world: World) -> None:
    world.shells["C"].sections["xfrm_stat"] = "one two three"
    assert ("V14", "C") in errors(world)


def test_a_network_on_one_host_alone_is_said_to_leave_no_host(world: World) -> None:
    world.tasks = world.tasks[:1]
    world.services = world.services[:1]
    assert [(f.severity, f.where) for f in proved(world) if f.code == "V12"] == [("ok", "shop_shop")]


def test_the_tasks_of_a_node_outside_the_inventory_are_not_proved(world: World) -> None:
    world.nodes.append(world.nodes[1] | {"ID": "node-D", "Description": {"Hostname": "D"}})
    world.tasks.append(
        world.tasks[1] | {"ID": "t-d", "NodeID": "node-D", "NetworksAttachments": [_attached("10.0.1.20")]}
    )
    world.services[1]["Spec"]["Mode"]["Replicated"]["Replicas"] = 2
    assert ("V12", "A <-> D") in errors(world)


def _attached(address: str) -> dict[str, object]:
    return {"Network": {"ID": NET}, "Addresses": [f"{address}/24"]}


def test_without_a_manager_nothing_is_proved(world: World) -> None:
    seen = type(world.observed)(world.observed.hosts, None, "A: no leader")
    found = prove(world.fleet, world.inventory, None, seen).findings
    assert [(f.code, f.severity, f.evidence) for f in found] == [("V00", "error", "A: no leader")]


def test_patience_looks_again_at_nodes_that_were_not_ready(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "PAUSE_SECONDS", 0.0)
    seen = world.observed
    monkeypatch.setattr(proofs, "observe", lambda *_, **__: seen)
    world.nodes[2]["Status"]["State"] = "unknown"
    assert any(f.code == "V01" and f.severity == "error" for f in proved(world))
    found = prove(world.fleet, world.inventory, None, seen, patience_seconds=30.0).findings
    assert all(f.severity != "error" for f in found)


def test_patience_tries_again_until_it_is_proved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(proofs, "observe", lambda *_, **__: world.observed)
    shell = world.shells["A"]
    shell.names["backend"] = "10.0.1.99"
    real = shell._probed

    def heal(wishes: list[str]) -> dict[str, str]:
        if shell.rounds == 3:
            shell.names.clear()
        return real(wishes)

    monkeypatch.setattr(shell, "_probed", heal)
    found = proved(world, patience_seconds=30.0)
    assert shell.rounds == 3
    assert all(f.severity != "error" for f in found)


@pytest.mark.parametrize(("options", "severity"), [({}, "error"), ({"encrypted": ""}, "ok")])
def test_an_ingress_that_shall_be_encrypted_is_one_or_an_error(
    world: World, options: dict[str, str], severity: str
) -> None:
    world.networks[1]["Options"] = options | ({"com.docker.network.driver.overlay.vxlanid_list": "4096"})
    inventory = replace(world.inventory, encrypt_ingress=True)
    (found,) = (f for f in prove(world.fleet, inventory, None, world.observed).findings if f.code == "V13")
    assert found.severity == severity


def test_two_hosts_of_which_neither_publishes_carry_nothing_of_an_encrypted_ingress(world: World) -> None:
    world.networks[1]["Options"] = {"encrypted": ""}
    world.tasks[0]["NetworksAttachments"].append({"Network": {"ID": "ingid"}, "Addresses": ["10.0.0.5/24"]})
    observed = world.observed
    assert observed.cluster
    live = read_live(world.fleet["A"].engine, observed.cluster, observed, None)
    assert live.carriers("ingid") == ("A", "B", "C")
    assert live.pairs("ingid") == (("A", "B"), ("A", "C"))
    assert live.pairs(NET) == (("A", "B"), ("A", "C"), ("B", "C"))
