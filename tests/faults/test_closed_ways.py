"""Firewalls and links that keep something between two hosts: named with the way and what opens it; nothing is lost."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults.invariants import check, record
from faults.world import World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
U = "10.88.0.93"


@dataclass(frozen=True)
class Closed:
    """A rule that drops on a host, and what is told of it: code, way, and what does not get there."""

    host: str
    rule: str
    code: str
    way: str
    what: str


CLOSED = {
    "esp": Closed("T", f"-p esp -s {U}", "H06", "U -> T", "IP protocol 50"),
    "udp-4789": Closed("T", f"-p udp --dport 4789 -s {U}", "H07", "U -> T", "udp/4789"),
    "udp-7946": Closed("T", "-p udp --dport 7946", "H07", "S, U -> T", "udp/7946"),
    "tcp-7946": Closed("T", "-p tcp --dport 7946", "H07", "S, U -> T", "tcp/7946"),
    "tcp-2377": Closed("S", f"-p tcp --dport 2377 -s {U}", "H07", "U -> S", "tcp/2377"),
}


def errors(world: World, command: str, *declared: str) -> list[dict[str, Any]]:
    """Return what *command* finds, as it ends with errors."""
    said = world.lab.swarmkit(command, *declared, "--json")
    assert said.returncode == 4, said.stdout + said.stderr
    return [finding for finding in json.loads(said.stdout)["findings"] if finding["severity"] != "ok"]


@pytest.mark.parametrize("what", CLOSED)
def test_f18_what_a_firewall_drops_is_named_by_its_way_with_the_rule_that_lets_it_in(
    shop: World, what: str, tmp_path: Path, note: Note
) -> None:
    before, closed = record(shop), CLOSED[what]
    with witness(f"f18-{what}", tmp_path) as seen:
        shop.lab.run(closed.host, f"iptables -w -I INPUT {closed.rule} -j DROP")
        try:
            found = errors(shop, "doctor", "-i", str(shop.inventory))
        finally:
            shop.lab.run(closed.host, f"iptables -w -D INPUT {closed.rule} -j DROP")
        opened = time.time()
        told = {(one["code"], one["where"]): one for one in found}
        assert (closed.code, closed.way) in told, found
        finding = told[closed.code, closed.way]
        assert closed.what in finding["what"]
        assert "iptables -w -I INPUT" in finding["remedy"]
        assert {one["where"] for one in found} == {closed.way}
        seen.wait_for_order()
        seconds = round(time.time() - opened, 1)
        check(shop, before, seen)
    note |= {"fault": "F18", "phase": what, "recovered": seconds, "silence": seen.longest_silence()}


LINKS = {
    "link": ("ip link set dev vec0 mtu 1400", "ip link set dev vec0 mtu 1500", "1400"),
    "path": (
        "iptables -w -I INPUT -p udp -m length --length 1451: -j DROP",
        "iptables -w -D INPUT -p udp -m length --length 1451: -j DROP",
        "1450",
    ),
}
"""What narrows a way to T, what mends it, and the MTU that is told to take."""


@pytest.mark.parametrize("narrow", LINKS)
def test_f19_a_way_that_full_frames_do_not_pass_is_told_with_the_mtu_that_does(
    shop: World, narrow: str, tmp_path: Path, note: Note
) -> None:
    before, (breaks, mends, mtu) = record(shop), LINKS[narrow]
    with witness(f"f19-{narrow}", tmp_path) as seen:
        shop.lab.run("T", breaks)
        try:
            said = shop.lab.swarmkit("doctor", "-i", str(shop.inventory), "--json")
            proof = errors(shop, "verify", *shop.declared)
        finally:
            shop.lab.run("T", mends)
        opened = time.time()
        found = [one for one in json.loads(said.stdout)["findings"] if one["code"] == "H11"]
        assert found, said.stdout
        assert all("T" in one["where"] and mtu in one["remedy"] for one in found), found
        payloads = [one for one in proof if one["code"] == "V17"]
        assert payloads, proof
        assert all("driver.mtu" in one["remedy"] for one in payloads), payloads
        seen.wait_for_order()
        seconds = round(time.time() - opened, 1)
        check(shop, before, seen)
    note |= {"fault": "F19", "phase": narrow, "recovered": seconds, "silence": seen.longest_silence()}
