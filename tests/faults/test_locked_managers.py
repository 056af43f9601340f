"""Managers that lock and lost their power: nothing of the swarm runs before they are unlocked, all of it after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults.invariants import check, record
from faults.world import HOSTS, World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]

_STATE = "docker info --format '{{.Swarm.LocalNodeState}}'"
_KEY_FILE = "head -n 1 /var/lib/docker/swarm/certificates/swarm-node.key"


@pytest.fixture
def locking(shop: World, tmp_path: Path) -> Iterator[Path]:
    """The file with the unlock key of the shop's managers, which lock while the case lasts."""
    key = tmp_path / "unlock-key"
    inventory = ("-i", str(shop.lab.inventory))
    on = shop.swarmkit("autolock", "on", "--yes", *inventory, "--key-file", str(key))
    assert on.returncode == 0, on.stdout + on.stderr
    yield key
    off = shop.swarmkit("autolock", "off", "--yes", *inventory)
    assert off.returncode == 0, off.stdout + off.stderr


def test_f35_locking_managers_that_all_lost_their_power_serve_again_once_they_are_unlocked(
    shop: World, locking: Path, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    unlock = ("unlock", "-i", str(shop.lab.inventory))
    with witness("f35l", tmp_path) as seen:
        seen.wait_for_order()
        powered = shop.cut_power_of_all()
        assert {host: shop.lab.run(host, _STATE).strip() for host in HOSTS} == dict.fromkeys(HOSTS, "locked")
        assert all("ENCRYPTED" in shop.lab.run(host, _KEY_FILE) for host in HOSTS)
        assert not seen.acknowledged_since(powered)
        refused = shop.up()
        assert refused.returncode == 1, refused.stdout + refused.stderr
        assert "swarmkit unlock" in refused.stderr
        wrong = shop.lab.swarmkit(*unlock, stdin=f"SWMKEY-1-{'x' * 43}\n")
        assert wrong.returncode == 1, wrong.stdout + wrong.stderr

        unlocked = shop.lab.swarmkit(*unlock, stdin=locking.read_text())
        assert unlocked.returncode == 0, unlocked.stdout + unlocked.stderr
        seen.wait_for_order()
        served = round(time.time() - powered, 1)
        seconds = shop.recovered(powered)
        check(shop, before, seen)
    note |= {"fault": "F35L", "recovered": seconds, "served": served, "silence": seen.longest_silence()}
