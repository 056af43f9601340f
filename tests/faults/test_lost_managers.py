"""Managers that are lost for good, and come back in spite of it: wiped, or with what they had."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faults.invariants import check, record
from faults.world import HOSTS, World, where_backups_go, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
LABELS = "docker node inspect {host} --format '{{{{json .Spec.Labels}}}}'"


def test_f25_f32_a_wiped_manager_is_not_restored_while_others_live_and_takes_its_place_again(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    backups, opened = where_backups_go(tmp_path)
    with witness("f25", tmp_path) as seen:
        taken = shop.swarmkit("backup", "--yes", *shop.declared, "-o", str(backups), *opened)
        assert taken.returncode == 0, taken.stdout + taken.stderr
        (archive,) = map(str, backups.iterdir())
        said = shop.swarmkit("backup", "verify", archive, *opened).stdout
        wiped = next(line.split()[2] for line in said.splitlines() if line.startswith("  state of"))
        (alive,) = {"S", "T"} - {wiped}
        labels = shop.lab.run(alive, LABELS.format(host=wiped))
        assert shop.swarmkit("lab", "reset", wiped).returncode == 0
        came_back = time.time()

        refused = shop.swarmkit("restore", archive, "--yes", "-i", str(shop.lab.inventory), *opened)
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "is a manager that lives" in refused.stderr
        assert f"  {alive}\n" in refused.stderr
        state = shop.lab.run(wiped, "docker info --format '{{.Swarm.LocalNodeState}}'; ls /var/lib/docker")
        assert state.split()[0] == "inactive"
        assert "restore" not in state
        assert "before" not in state

        # Up lets it join as a new node; the old one is still a manager, for the raft.
        joined = shop.up()
        assert joined.returncode == 0, joined.stdout + joined.stderr
        assert f"an earlier node of {wiped} is still listed as down" in joined.stdout
        assert f"{wiped} of 4 managers cannot be reached: none may be lost" in joined.stdout
        replaced = shop.swarmkit("node", "replace", wiped, "--yes", "-i", str(shop.lab.inventory))
        assert replaced.returncode == 0, replaced.stdout + replaced.stderr
        seconds = round(time.time() - came_back, 1)
        assert shop.lab.run(alive, LABELS.format(host=wiped)) == labels
        seen.wait_for_order()
        check(shop, before, seen, rejoined={wiped})
    note |= {
        "fault": "F25",
        "phase": f"{wiped} wiped; restore refused",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }


def test_f27_two_of_three_managers_are_lost_and_come_back_with_the_old_raft(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    inventory = ("-i", str(shop.lab.inventory))
    with witness("f27", tmp_path) as seen:
        seen.wait_for_order()
        for host in HOSTS:
            shop.lab.run(host, "sync")
        for host in "ST":
            shop.fault("power-off", host)
        lost = time.time()
        unsure = shop.swarmkit("recover", "quorum", "--yes", "--lost", "S", *inventory)
        assert unsure.returncode == 1, unsure.stdout + unsure.stderr
        assert "--lost T" in unsure.stderr
        alone = shop.swarmkit("recover", "quorum", "--yes", "--lost", "S", "--lost", "T", *inventory)
        # The swarm goes on; what may run on the lost hosts alone does not, and that is told.
        assert alone.returncode == 4, alone.stdout + alone.stderr
        assert "service shop_backend: 0 of 1 tasks run" in alone.stdout
        assert "V21  the only manager answers" in alone.stdout
        assert shop.lab.run("U", "docker node ls --format '{{.Hostname}}'").split() == ["U"]

        for host in "ST":
            shop.fault("power-on", host)
        shop.lab.up()
        # Two of the three of then: together they are a quorum of the old raft.
        refused = shop.up()
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "swarmkit recover quorum" in refused.stderr
        fenced = shop.swarmkit("recover", "quorum", "--yes", *inventory)
        assert fenced.returncode == 0, fenced.stdout + fenced.stderr
        seconds = shop.recovered(lost)
        seen.wait_for_order()
        check(shop, before, seen, rejoined=set("ST"))
        roles = shop.lab.run("U", "docker node ls --format '{{.ManagerStatus}}'").split()
        assert sorted(roles) == ["Leader", "Reachable", "Reachable"]
    note |= {"fault": "F27", "recovered": seconds, "silence": seen.longest_silence()}
