"""An engine stands still while hosts join: the bring-up ends and names it, and the next one goes on."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from faults.hurting import FirstCluster, bring_up_hurt
from faults.invariants import check, made
from faults.told import ending
from faults.world import World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
STANDS = {
    "f12": ("kill -STOP $(pidof dockerd)", "kill -CONT $(pidof dockerd)"),
    "f14": ("systemctl stop docker.socket docker", "systemctl start docker.socket && systemctl start docker"),
}
"""What stops T's engine, and what lets it go on."""


@pytest.mark.parametrize("fault", STANDS)
def test_an_engine_that_stands_while_hosts_join_ends_the_bring_up_and_the_next_one_goes_on(
    shop: World, fault: str, tmp_path: Path, note: Note
) -> None:
    stops, goes_on = STANDS[fault]
    assert shop.swarmkit("lab", "reset").returncode == 0
    first = FirstCluster(shop, "S")
    try:
        run = shop.start("--timeout", "60")
        assert run.says("S: node "), run.said
        shop.lab.run("T", stops)
        where = run.said[-1]
        began = time.time()
        ended = shop.finish(run)
        took = round(time.time() - began)
        cluster = first.wait()
    finally:
        first.end()
        shop.lab.run("T", goes_on)
    assert ended.returncode in (1, 3, 4), ended.stderr
    assert any(re.search(r"\bT\b", line) for line in ending(ended.stderr)), ended.stderr

    again = time.time()
    bring_up_hurt(shop, random.Random(12), ways=(), seen=[cluster])
    seconds = round(time.time() - again, 1)
    before = made(shop, cluster)
    with witness(f"{fault}j", tmp_path) as seen:
        check(shop, before, seen)
    note |= {
        "fault": f"{fault.upper()}J",
        "phase": f"after: {where}; ended with {ended.returncode} in {took} s",
        "recovered": seconds,
    }
