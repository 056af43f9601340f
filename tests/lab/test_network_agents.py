"""Engines without a part in their swarm's gossip, on hosts: the next ``up`` starts them again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from lab.spare_lab import SpareLab
from lab.test_doctor_rare_codes import LISTENER

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

HEARD = "ss -H -lntu 'sport = :7946' | cut -d ' ' -f 1 | sort -u"
READY = "timeout 60 sh -c 'until docker node ls | grep -q \"Y .*Ready\"; do sleep 0.5; done'"
JOIN = "docker swarm join --token %s 10.88.0.34:2377"
LEAVE = """
(for _ in 1 2 3 4 5 6; do sleep 0.2; kill -STOP $(pidof dockerd); sleep 1.1; kill -CONT $(pidof dockerd); done) &
docker swarm leave
wait
"""
"""Stands still again and again, so that its agent's second is over before it has told the others."""
MOST_LEAVES = 6
SAID = "journalctl -u docker -o cat _PID=$(pidof dockerd)"


def test_a_ready_node_that_hears_no_other_is_started_again_by_the_next_up(spare_lab: SpareLab, tmp_path: Path) -> None:
    """Made so by what makes them: a port that was taken when the node joined (moby issue 31913)."""
    (inventory := tmp_path / "inventory.yaml").write_text(spare_lab.inventory("deaf"))
    of = ("-i", str(inventory))
    try:
        spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --default-addr-pool 10.20.0.0/16")
        token = spare_lab.run("X", "docker swarm join-token -q worker").stdout.strip()
        spare_lab.run("Y", f"systemd-run -q --unit=taker perl -e '{LISTENER}'")
        spare_lab.run("Y", JOIN % token)
        spare_lab.run("X", READY)
        spare_lab.run("Y", "systemctl stop taker")
        assert spare_lab.run("Y", HEARD).stdout == ""

        planned = spare_lab.swarmkit("plan", *of, "--adopt").stdout
        assert "start its engine again" in planned
        assert "nothing listens on port 7946: it hears no other node" in planned
        done = spare_lab.swarmkit("up", "--yes", *of, "--adopt")
        assert "restarts of its engine until it heard other nodes: 1" in done.stderr
        assert spare_lab.run("Y", HEARD).stdout.split() == ["tcp", "udp"]
        assert "nothing to do" in spare_lab.swarmkit("up", "--yes", *of).stdout
    finally:
        spare_lab.run("Y", "systemctl stop taker 2>/dev/null || true")
        for host in "YX":
            spare_lab.leave_swarm(host)
            # An engine that has left may keep the port.
            spare_lab.run(host, "systemctl restart docker")


def test_an_engine_that_keeps_the_port_of_a_swarm_it_left_is_started_again_before_it_joins(
    spare_lab: SpareLab, tmp_path: Path
) -> None:
    """Its agent of the next swarm would find the port taken: a ready node without gossip."""
    (inventory := tmp_path / "inventory.yaml").write_text(spare_lab.inventory("kept"))
    of = ("-i", str(inventory))
    try:
        spare_lab.run("X", "docker swarm init --advertise-addr 10.88.0.34 --default-addr-pool 10.20.0.0/16")
        token = spare_lab.run("X", "docker swarm join-token -q worker").stdout.strip()
        assert any(_keeps_port(spare_lab, token) for _ in range(MOST_LEAVES)), "the engine lets go of it by now"
        spare_lab.run("X", "docker swarm leave --force")

        (told,) = json.loads(spare_lab.swarmkit("doctor", *of, "--only", "D10", "--json").stdout)["findings"]
        assert (told["severity"], told["where"]) == ("warning", "Y")
        done = spare_lab.swarmkit("up", "--yes", *of)
        assert "Y: start its engine again, " in done.stderr
        assert spare_lab.run("Y", HEARD).stdout.split() == ["tcp", "udp"]
        assert "address already in use" not in spare_lab.run("Y", SAID).stdout
        assert "nothing to do" in spare_lab.swarmkit("up", "--yes", *of).stdout
    finally:
        for host in "YX":
            spare_lab.leave_swarm(host)
            spare_lab.run(host, "systemctl restart docker")


def _keeps_port(lab: SpareLab, token: str) -> bool:
    """Have Y join and leave; tell whether its engine has the port still."""
    lab.run("Y", JOIN % token)
    lab.run("Y", "timeout 30 sh -c \"until ss -H -lntu 'sport = :7946' | grep -q .; do sleep 0.2; done\"")
    lab.run("Y", LEAVE)
    time.sleep(2)
    return lab.run("Y", HEARD).stdout.split() == ["tcp", "udp"]
