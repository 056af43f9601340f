"""Updates in which any host loses its power at any moment: the next run makes them, and nothing is lost."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from faults.hurting import cut_power
from faults.invariants import check, record
from faults.world import World, witness

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
