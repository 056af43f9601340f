"""The proof by marked packets on real hosts: steady state, a fault, its verdict, healed, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from json_schemas import assert_fits
from lab.shop_lab import PASSWORD, Lab, Shop

pytestmark = pytest.mark.lab

TRACES = (
    "ps -e -o comm= | grep -cE '^(perl|python3|tcpdump|nsenter)$'; ls /run/docker/netns | sort; ip -o link | wc -l; "
    "find /tmp /run /var/tmp /root -xdev -newer /tmp/before -not -path '/run/docker/*' -not -path '/run/systemd/*' "
    # runc's own, for each health check's exec: here for a moment, then gone; and the journal, which begins a new file
    # where one is full, whoever's line filled it.
    "-not -path '/run/user/*' -not -path '/run/containerd/*' -not -name 'runc-process*' -not -path '/run/log/*' "
    "-type f"
)


def verify(shop: Shop, *more: str | Path) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """Return the exit code and the findings by code and place."""
    result = shop.lab.swarmkit("verify", *shop.declared, "--json", *more)
    said = json.loads(result.stdout)
    assert_fits("verify", said)
    found = said["findings"]
    return result.returncode, {(finding["code"], finding["where"]): finding for finding in found}


@contextlib.contextmanager
def changed(lab: Lab, host: str, change: str, back: str) -> Iterator[None]:
    lab.run(host, change)
    try:
        yield
    finally:
        lab.run(host, back)


def test_marked_packets_arrive_whole_and_clear_frames_do_not(deployed_shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "proof.html"
    code, found = verify(deployed_shop, "--html", page)
    assert code == 0, found
    assert page.stat().st_mode & 0o777 == 0o600
    words = page.read_text()
    for word in ("lab is proved", "<strong>A</strong>", "<strong>B</strong>", "<strong>C</strong>", "★ leader"):
        assert word in words
    for word in ("shop_frontend", "shop_backend", "shop_database", "8080/tcp", "A ↔ B proved", "B ↔ C proved"):
        assert word in words
    assert PASSWORD not in words
    payload = found["V17", "shop_backend@B -> shop_database"]
    assert "(task on C) heard" in payload["evidence"]
    assert "(VIP) heard" in payload["evidence"]
    assert "and 1424 bytes" in payload["evidence"]
    for host in "ABC":
        dropped = found["V19", f"shop_shop on {host}"]
        assert dropped["severity"] == "ok"
        assert "no container saw one" in dropped["evidence"]
    for pair in ("A <-> B", "A <-> C", "B <-> C"):
        assert found["V12", pair]["severity"] == "ok"
        assert "none with the probes' mark" in found["V16", pair]["evidence"]
    assert found["V24", "host A -> shop_database"]["severity"] == "ok"


def test_a_host_that_lost_the_rule_that_drops_lets_an_injected_frame_in(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    rule = lab.run("B", "iptables -w -S INPUT | grep -e '--pol none'").splitlines()[0].removeprefix("-A INPUT ")
    with changed(lab, "B", f"iptables -w -D INPUT {rule}", f"iptables -w -I INPUT {rule}"):
        code, found = verify(deployed_shop)
    assert code == 4
    assert found["V19", "shop_shop on B"]["what"].startswith("broken: a clear frame from")
    assert found["V19", "shop_shop on C"]["severity"] == "ok"
    assert found["V12", "A <-> B"]["what"].startswith("broken")
    assert verify(deployed_shop)[0] == 0


def test_without_perl_tcpdump_watches_and_without_both_two_hosts_are_not_proved(deployed_shop: Shop) -> None:
    lab, pairs = deployed_shop.lab, ("A <-> B", "A <-> C", "B <-> C")
    # The lab's disks have no python3.
    perl, both = "/usr/bin/perl", "/usr/bin/perl $(command -v tcpdump)"

    def hidden(host: str, what: str) -> contextlib.AbstractContextManager[None]:
        back = "for f in /usr/bin/*.away /usr/sbin/*.away; do [ ! -e $f ] || mv $f ${f%.away}; done"
        return changed(lab, host, f"for f in {what}; do mv $f $f.away; done", back)

    with hidden("B", perl):
        code, found = verify(deployed_shop)
        assert code == 0, found
        assert [found["V12", pair]["severity"] for pair in pairs] == ["warning", "ok", "warning"]
        assert "no marked packet could be sent" not in found["V12", "A <-> C"]["evidence"]
        assert "by its frames on the cable" in found["V12", "A <-> B"]["what"]
        assert "B sent" in found["V16", "A <-> B"]["evidence"], "as tcpdump counted them"
    with hidden("B", both), hidden("C", both):
        code, found = verify(deployed_shop)
        assert code == 4, found
        assert [found["V12", pair]["severity"] for pair in pairs] == ["warning", "warning", "error"]
        assert found["V12", "B <-> C"]["remedy"].startswith(
            "on B or C: apt-get install -y perl || dnf install -y python3"
        )
    assert verify(deployed_shop)[0] == 0


def test_a_chain_of_others_that_accepts_clear_frames_of_one_sender_is_found_and_its_remedy_works(
    deployed_shop: Shop,
) -> None:
    lab = deployed_shop.lab
    let = "iptables -w -N MINE && iptables -w -A MINE -s 10.88.0.99 -j ACCEPT && iptables -w -I INPUT -j MINE"
    with changed(lab, "B", let, "iptables -w -D INPUT -j MINE && iptables -w -F MINE && iptables -w -X MINE"):
        code, found = verify(deployed_shop)
        assert code == 4
        assert "-A MINE -s 10.88.0.99/32 -j ACCEPT" in found["V10", "shop_shop on B"]["evidence"]
        assert found["V19", "shop_shop on B"]["severity"] == "ok"
        assert found["V12", "A <-> B"]["severity"] == "error"
        assert found["V12", "A <-> C"]["severity"] == "ok"
        lab.run("B", found["V10", "shop_shop on B"]["remedy"].removeprefix("on B: "))
        assert verify(deployed_shop)[0] == 0


def test_a_drop_that_was_narrowed_to_some_senders_is_no_rule_of_the_engine_though_it_stops_the_frame_that_was_tried(
    deployed_shop: Shop,
) -> None:
    lab = deployed_shop.lab
    rule = lab.run("B", "iptables -w -S INPUT | grep -e '--pol none'").splitlines()[0].removeprefix("-A INPUT ")
    narrow, widen = (
        f"iptables -w -D INPUT {old}{rule} && iptables -w -I INPUT {new}{rule}"
        for old, new in (("", "-s 10.88.0.0/24 "), ("-s 10.88.0.0/24 ", ""))
    )
    with changed(lab, "B", narrow, widen):
        code, found = verify(deployed_shop)
    assert code == 4
    assert "no rule in INPUT drops clear frames" in found["V10", "shop_shop on B"]["evidence"]
    assert found["V19", "shop_shop on B"]["severity"] == "ok"
    assert found["V12", "A <-> B"]["severity"] == "error"
    assert found["V12", "A <-> C"]["severity"] == "ok"
    assert verify(deployed_shop)[0] == 0


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("docker pause {}", "paused, on A"),
        ("docker container top {} -o pid | tail -n +2 | xargs kill -STOP", "stopped by a signal, on A"),
    ],
)
def test_a_container_that_stands_is_no_running_task_and_its_remedy_works(
    deployed_shop: Shop, command: str, how: str
) -> None:
    lab = deployed_shop.lab
    # One of the processes may be a health check's, which has ended by then.
    lab.run("A", command.format("$(docker ps -q -f name=shop_frontend)") + " || true")
    code, found = verify(deployed_shop)
    said = found["V02", "shop_frontend"]
    assert code == 4
    assert how in said["what"]
    lab.run("A", said["remedy"].removeprefix("on A: ") + " || true")
    # Health checks that failed meanwhile may have cost the task.
    deployed_shop.wait_until_proved()


def test_a_path_too_narrow_for_full_size_is_told_while_small_packets_pass(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    with changed(lab, "C", "ip link set vec0 mtu 1300", "ip link set vec0 mtu 1500"):
        code, found = verify(deployed_shop)
    assert code == 4
    payload = found["V17", "shop_database@C -> shop_backend"]
    assert payload["severity"] == "error"
    assert "packets of full size do not get" in payload["what"]
    assert "driver.mtu" in payload["remedy"]
    deployed_shop.wait_until_proved()


def test_a_port_led_into_a_container_and_gossip_that_is_dropped_are_found_from_the_other_hosts(
    deployed_shop: Shop,
) -> None:
    lab = deployed_shop.lab
    pid = lab.run("B", "docker inspect -f '{{.State.Pid}}' $(docker ps -q -f name=shop_backend)").split()[0]
    inside = lab.run("B", f"nsenter -t {pid} -n ip -4 -o addr | grep -o '172[.0-9]*' | head -n 1").strip()
    lead = f"PREROUTING -i vec0 -p tcp --dport 3000 -j DNAT --to-destination {inside}:3000"
    let = f"FORWARD -d {inside} -p tcp --dport 3000 -j ACCEPT"
    drop = "INPUT -p udp --dport 7946 -j DROP"
    past = lead.replace("--dport 3000", "--dport 8443")
    open_it, shut_it = (
        f"iptables -w -t nat -{flag} {lead}; iptables -w -t nat -{flag} {past}; iptables -w -{flag} {let}"
        for flag in "ID"
    )
    with changed(lab, "C", f"iptables -w -A {drop}", f"iptables -w -D {drop}"):
        with changed(lab, "B", open_it, shut_it):
            code, found = verify(deployed_shop)
        assert code == 4
        assert "takes connections from A, C" in found["V24", "B:3000"]["evidence"]
        assert "shop_backend" in found["V24", "B:3000"]["evidence"]
        assert "takes connections from A, C" in found["V24", "B:8443"]["evidence"], "by another number"
        assert found["V24", "A from outside"]["severity"] == "ok"
        wrong = {where: f for (c, where), f in found.items() if c == "V26" and f["severity"] == "error"}
        assert wrong.keys() == {"A -> C", "B -> C"}
        assert wrong["A -> C"]["evidence"].startswith("udp/7946: nothing arrived")
        rules = [finding["remedy"].removeprefix("on C: ").partition(";")[0] for finding in wrong.values()]
        admit = " && ".join(rules)
        with changed(lab, "C", admit, admit.replace(" -I ", " -D ")):
            # What nodes told each other meanwhile comes round within half a minute.
            healed = deployed_shop.wait_until_proved()
    assert healed["V26", "A -> C"]["severity"] == healed["V24", "B from outside"]["severity"] == "ok"


def test_ways_to_a_manager_that_new_connections_do_not_find_are_told_though_gossip_s_datagrams_do(
    deployed_shop: Shop,
) -> None:
    lab = deployed_shop.lab
    # What stands goes on, so the node stays ready; who connects anew, after the next restart, does not.
    drop = "INPUT -s 10.88.0.32 -p tcp -m multiport --dports 2377,7946 --syn -j DROP"
    with changed(lab, "A", f"iptables -w -A {drop}", f"iptables -w -D {drop}"):
        code, found = verify(deployed_shop)
        assert code == 4
        wrong = {where: f for (c, where), f in found.items() if c == "V26" and f["severity"] == "error"}
        assert wrong.keys() == {"B -> A"}
        told = wrong["B -> A"]["evidence"]
        assert "tcp/7946: no answer" in told
        assert "tcp/2377: no answer" in told
        assert "udp/7946" not in told
        remedy = wrong["B -> A"]["remedy"].removeprefix("on A: ").partition("; in a cloud")[0]
        with changed(lab, "A", remedy, remedy.replace(" -I ", " -D ")):
            assert verify(deployed_shop)[0] == 0


def test_the_proof_leaves_nothing_on_the_hosts(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    for host in "ABC":
        lab.run(host, "sleep 1; touch /tmp/before")
    before = {host: lab.run(host, TRACES) for host in "ABC"}
    assert verify(deployed_shop)[0] == 0
    after = {host: lab.run(host, TRACES) for host in "ABC"}
    for host in "ABC":
        lab.run(host, "rm /tmp/before")
    assert after == before
