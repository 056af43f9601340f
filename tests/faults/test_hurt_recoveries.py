"""Backups and rebuilds that are killed at their worst moment: the next run goes on, and nothing is lost."""

from __future__ import annotations

import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from faults.hurting import FirstCluster, cluster_ids
from faults.invariants import check, made, record
from faults.world import HOSTS, World, where_backups_go, witness

from swarmkit.reach.retry import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]

# Holds the copy up, so that the tool is killed for sure while the engine stands.
_COPY_SECONDS = 4
_SLOW_COPY = rf"""
printf '#!/bin/sh\nsleep {_COPY_SECONDS}\nexec /bin/cp "$@"\n' >/usr/local/bin/cp
chmod +x /usr/local/bin/cp
"""
_STANDS = (
    "timeout 60 sh -c 'until [ $(systemctl is-active docker) = inactive ]; do sleep 0.1; done';"
    " systemctl is-active docker docker.socket || true"
)
_SERVES = "systemctl is-active docker docker.socket; ls -d /var/tmp/swarmkit-backup.* 2>/dev/null || true"


def test_f01_a_backup_killed_while_its_manager_stands_leaves_it_serving_and_the_next_one_is_whole(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance, before = random.Random(seed), record(shop)
    backups, opened = where_backups_go(tmp_path)
    take = ("backup", "--yes", *shop.declared, "-o", str(backups), *opened)
    for host in HOSTS:
        shop.lab.run(host, _SLOW_COPY)
    with witness(f"f01b-{seed}", tmp_path) as seen:
        run = shop.start_command(*take)
        assert run.says(": copy its state ..."), run.said
        host = next(line for line in run.said if ": copy its state ..." in line).partition(":")[0].strip()
        assert shop.lab.run(host, _STANDS).split() == ["inactive", "inactive"]
        pause = chance.uniform(0, _COPY_SECONDS)
        time.sleep(pause)
        run.signal(signal.SIGKILL)
        assert shop.finish(run).returncode == -signal.SIGKILL
        killed = time.time()
        (part,) = backups.iterdir()
        assert part.name.endswith(".part")

        # At once: the engine stands still, or starts.
        again = shop.swarmkit(*take)
        assert again.returncode == 0, again.stdout + again.stderr
        assert f"removed {part}" in again.stdout
        (archive,) = backups.iterdir()
        assert shop.swarmkit("backup", "verify", str(archive), *opened).returncode == 0
        seen.wait_for_order()
        seconds = round(time.time() - killed, 1)
        for name in HOSTS:
            shop.lab.run(name, "rm /usr/local/bin/cp")
            serves = wait_until(partial(shop.lab.run, name, _SERVES), _is_clean, timeout_seconds=60)
            assert _is_clean(serves), f"{name}: {serves}"
        check(shop, before, seen)
    note |= {
        "fault": "F01B",
        "seed": seed,
        "phase": f"{host} stood {pause:.1f} s",
        "recovered": seconds,
        "silence": seen.longest_silence(),
    }


def _is_clean(said: str) -> bool:
    """Tell whether engine and socket run, and no copy of the state lies there."""
    return said.split() == ["active", "active"]


def test_f01_a_rebuild_that_was_killed_goes_on_to_the_one_cluster_with_the_backups_orders(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance = random.Random(seed)
    backups, opened = where_backups_go(tmp_path)
    with witness(f"f01r-{seed}", tmp_path) as seen:
        seen.wait_for_order()
    taken = shop.swarmkit("backup", "--yes", *shop.declared, "-o", str(backups), *opened)
    assert taken.returncode == 0, taken.stderr
    (archive,) = map(str, backups.iterdir())
    assert shop.swarmkit("lab", "reset").returncode == 0
    rebuild = ("rebuild", "--yes", *shop.declared, "--images", str(shop.images), "--data", archive, *opened)
    watched = [FirstCluster(shop, host) for host in HOSTS]
    try:
        count = chance.randrange(30)
        run = shop.start_command(*rebuild)
        reached = run.lines(count)
        where = f"kill after line {count}: {run.said[-1]}" if reached else "kill came after the run's end"
        if reached:
            run.signal(signal.SIGKILL)
        shop.finish(run)
        began = time.time()
        clusters = cluster_ids(shop)
        again = shop.swarmkit(*rebuild)
        assert again.returncode == 0, f"{where}\n{again.stdout}{again.stderr}"
        seconds = round(time.time() - began, 1)
        clusters |= cluster_ids(shop) | {first.wait() for first in watched}
    finally:
        for first in watched:
            first.end()
    (cluster,) = clusters
    assert "nothing to do" in shop.swarmkit(*rebuild).stdout
    check(shop, made(shop, cluster), seen)
    note |= {"fault": "F01R", "seed": seed, "phase": where, "recovered": seconds}
