"""The only manager is lost and the workers live: back at its address they go on with it, at another they join anew."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from faults.hurting import bring_up_hurt
from faults.invariants import check, record
from faults.world import HOSTS, INVENTORY, World, where_backups_go, witness

from swarmkit.reach.retry import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
NUMBER, MOVED = 91, 94
"""What the addresses of S end with, and what they do once it has moved."""
STATE = "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}'"
MANAGERS = "docker info --format '{{range .Swarm.RemoteManagers}}{{.Addr}} {{end}}'"
TASKS = "docker ps -q --no-trunc --filter label=com.docker.swarm.service.name={service}"
NEWER = (
    "docker service create -q --no-resolve-image --detach=false --name newer --constraint node.hostname==T"
    " --entrypoint sh shop-backend:1.0 -c 'while :; do sleep 1; done'"
)


def with_one_manager(folder: Path, number: int) -> Path:
    """Write the inventory whose only manager is S, at the addresses that end with *number*."""
    written = yaml.safe_load(INVENTORY.read_text())
    groups = written["all"]["children"]
    hosts = groups["managers"]["hosts"]
    groups["workers"] = {"hosts": {name: hosts.pop(name) for name in "TU"}}
    hosts["S"] |= {"ansible_host": f"127.88.0.{number}", "swarm_advertise_addr": f"10.88.0.{number}"}
    path = folder / f"one-manager-at-{number}.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


@pytest.fixture
def alone(shop: World) -> Iterator[World]:
    """The shop with S as its only manager; afterwards one of three, made anew where this one cannot be led back."""
    shop.inventory, shop.managers = with_one_manager(shop.folder, NUMBER), "S"
    demoted = shop.up()
    assert demoted.returncode == 0, demoted.stdout + demoted.stderr
    yield shop
    shop.inventory, shop.managers = INVENTORY, "STU"
    if shop.up().returncode:
        shop.fault("power-off", "S")
        shop.lab.up()
        assert shop.lab.swarmkit("lab", "reset").returncode == 0
        bring_up_hurt(shop, random.Random(0), ways=())
    shop.runs.clear()


def backed_up(world: World, backups: Path, opened: tuple[str, ...]) -> str:
    taken = world.swarmkit("backup", "--yes", *world.declared, "-o", str(backups), *opened)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    (archive,) = map(str, backups.iterdir())
    return archive


def lose_the_manager(world: World) -> None:
    """Take S its disk; the workers keep what they have and go on."""
    for host in HOSTS:
        world.lab.run(host, "sync")
    assert world.lab.swarmkit("lab", "reset", "S").returncode == 0


def tasks(world: World) -> dict[str, str]:
    """Return the containers of the services that run on workers."""
    return {name: world.lab.run(host, TASKS.format(service=f"shop_{name}")).strip()
            for host, name in (("T", "backend"), ("U", "database"))}  # fmt: skip


def test_f28_workers_go_on_with_the_only_manager_that_is_restored_to_its_address(
    alone: World, tmp_path: Path, note: Note
) -> None:
    before = record(alone)
    backups, opened = where_backups_go(tmp_path)
    with witness("f28", tmp_path) as seen:
        archive = backed_up(alone, backups, opened)
        alone.lab.run("S", NEWER)
        # The backup has it not: the volume of the database alone does.
        seen.wait_for_order()
        went_on = tasks(alone)
        lose_the_manager(alone)
        lost = time.time()

        restore = ("restore", archive, "-i", str(alone.inventory), "--images", str(alone.images), *opened)
        unasked = alone.swarmkit(*restore)
        assert unasked.returncode == 2, unasked.stdout + unasked.stderr
        assert re.search(r"^warning  H62  newer$", unasked.stdout, re.MULTILINE), unasked.stdout
        assert alone.lab.run("S", STATE).split() == ["inactive"]
        assert alone.lab.run("T", TASKS.format(service="newer")) != ""
        assert tasks(alone) == went_on

        restored = alone.swarmkit(*restore, "--yes")
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert "leave the swarm" not in restored.stdout
        ended = wait_until(
            lambda: alone.lab.run("T", TASKS.format(service="newer")), lambda said: said == "", timeout_seconds=60
        )
        assert ended == ""
        seconds = alone.recovered(lost)
        seen.wait_for_order()
        kept = sorted(name for name, container in tasks(alone).items() if container == went_on[name])
        check(alone, before, seen)
    note |= {
        "fault": "F28",
        "phase": f"workers alive; the same container as before: {', '.join(kept) or 'none'}",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }


def test_f29_workers_that_live_join_the_only_manager_anew_where_it_has_moved_to(
    alone: World, tmp_path: Path, note: Note
) -> None:
    before = record(alone)
    backups, opened = where_backups_go(tmp_path)
    with witness("f29", tmp_path) as seen:
        archive = backed_up(alone, backups, opened)
        seen.wait_for_order()
        lose_the_manager(alone)
        alone.fault("power-off", "S")
        alone.inventory = with_one_manager(alone.folder, MOVED)
        alone.lab.up(alone.inventory)
        moved = time.time()

        restore = ("restore", archive, "--yes", "-i", str(alone.inventory), "--images", str(alone.images), *opened)
        refused = alone.swarmkit(*restore)
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "--new-addresses" in refused.stderr
        assert alone.lab.run("S", STATE).split() == ["inactive"]
        assert {host: alone.lab.run(host, STATE).split() for host in "TU"} == {
            host: ["active", before.nodes[host]] for host in "TU"
        }

        restored = alone.swarmkit(*restore, "--new-addresses")
        assert restored.returncode == 0, restored.stdout + restored.stderr
        assert f"it advertises 10.88.0.{MOVED}, no more 10.88.0.{NUMBER}" in restored.stdout
        for host in "TU":
            assert re.search(rf"- {host} +leave the swarm .*at the old address; joins again", restored.stdout), host
            assert alone.lab.run(host, MANAGERS).split() == [f"10.88.0.{MOVED}:2377"]
        # What an engine has written down of its managers is what it looks for when it starts.
        alone.lab.run("T", "systemctl restart docker")
        seconds = alone.recovered(moved)
        seen.wait_for_order()
        check(alone, before, seen, rejoined=set("TU"))
    note |= {
        "fault": "F29",
        "phase": f"from 10.88.0.{NUMBER} to 10.88.0.{MOVED}, workers alive",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }
