"""Engines without a part in their swarm's gossip, on hosts: the next ``up`` starts them again."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.spare_lab import SpareLab
from lab.test_doctor_rare_codes import LISTENER

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

HEARD = "ss -H -lntu 'sport = :7946' | cut -d ' ' -f 1 | sort -u"
READY = "timeout 60 sh -c 'until docker node ls | grep -q \"Y .*Ready\"; do sleep 0.5; done'"
JOIN = "docker swarm join --token %s 10.88.0.34:2377"


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
