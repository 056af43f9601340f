"""Bring-ups and updates in which any host loses its power at any moment: the next run makes them, nothing is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from faults.hurting import FirstCluster, bring_up_hurt, cut_power
from faults.invariants import check, made, record
from faults.world import HOSTS, World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]


def test_f06_an_update_in_which_any_host_lost_its_power_is_made(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance, before = random.Random(600 + seed), record(shop)
    with witness(f"f06r-{seed}", tmp_path) as seen:
        shop.note = f"f06r-{seed}"
        where = cut_power(shop, chance, lines=8)
        seconds = shop.recovered(time.time())
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {"fault": "F06R", "seed": seed, "phase": where, "recovered": seconds, "silence": seen.longest_silence()}


@pytest.mark.seeds(2)
def test_f04_a_bring_up_in_which_any_host_lost_its_power_goes_on_to_the_one_cluster(
    shop: World, seed: int, tmp_path: Path, note: Note
) -> None:
    chance = random.Random(40 + seed)
    assert shop.swarmkit("lab", "reset").returncode == 0
    watched = [FirstCluster(shop, host) for host in HOSTS]
    try:
        where = cut_power(shop, chance)
    finally:
        clusters = {first.end() for first in watched} - {""}
    note |= {"fault": "F04R", "seed": seed, "phase": where}
    powered = time.time()
    brought = bring_up_hurt(shop, chance, ways=(), seen=sorted(clusters))
    note["recovered"] = round(time.time() - powered, 1)
    before = made(shop, brought.cluster)
    with witness(f"f04r-{seed}", tmp_path) as seen:
        check(shop, before, seen)
