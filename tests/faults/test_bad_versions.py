"""Versions that do not come up, in an update and in a first deployment: what serves goes on, and the cause is told."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import pytest
from faults.invariants import check, made, record
from faults.world import World, witness

from swarmkit.reach.retry import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
_NO_LONGER_SECONDS = 8.0
"""Without an order while the old version serves: two requests that had to wait for all of their patience."""

ENDS = """
services:
  backend:
    entrypoint: [sh, -c, "echo the schema is too old >&2; exit 3"]
"""
# Not even listens; told to end, it ends with 0, as servers do.
SICK = """
services:
  backend:
    entrypoint: [sh, -c, "echo the schema is too old >&2; trap exit TERM; while :; do sleep 1; done"]
    healthcheck: {interval: 1s, retries: 2, start_period: 1s}
"""
ABSENT = "services: {backend: {image: 'shop-backend:9.9'}}"
BAD = {
    "ends": (ENDS, ("exit (3)", "the schema is too old")),
    "sick": (SICK, ("its health check said", "Connection refused", "the schema is too old")),
    "absent": (ABSENT, ("image shop-backend:9.9 is not on T", "its registry answers T")),
}
"""An update of the backend, and what has to be told of why it did not come up."""
UPDATE = "docker service inspect shop_backend --format '{{.UpdateStatus.State}}'"
BACKEND = "docker ps -q --no-trunc --filter label=com.docker.swarm.service.name=shop_backend --filter health=healthy"


@pytest.mark.parametrize("version", BAD)
def test_f33_a_version_that_does_not_come_up_is_taken_back_while_the_old_one_serves(
    shop: World, version: str, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    old = wait_until(lambda: shop.lab.run("T", BACKEND).split(), bool, timeout_seconds=90)
    assert len(old) == 1
    with witness(f"f33-{version}", tmp_path) as seen:
        shop.over, causes = BAD[version]
        failed = shop.up("--timeout", "90")
        assert failed.returncode == 4, failed.stdout + failed.stderr
        assert "shop_backend: its update is rollback" in failed.stderr
        assert [cause for cause in causes if cause not in failed.stderr.partition("\nerror: ")[2]] == []
        shop.over = ""
        taken_back = wait_until(
            lambda: shop.lab.run("S", UPDATE).strip(), lambda state: state == "rollback_completed", timeout_seconds=90
        )
        assert taken_back == "rollback_completed"
        assert shop.lab.run("T", BACKEND).split() == old
        seen.wait_for_order()
        check(shop, before, seen)
        assert seen.longest_silence() < _NO_LONGER_SECONDS
    note |= {"fault": "F33", "phase": version, "silence": seen.longest_silence()}


CRASHES = """
services:
  database:
    entrypoint: [sh, -c, "echo no room for the log >&2; exit 7"]
"""
SLOW = """
services:
  database:
    entrypoint: [sh, -c, "sleep 60; exec /usr/local/bin/entrypoint"]
    healthcheck:
      start_period: 120s
"""
SERVICES = "docker service ls --format '{{.Name}}'"
DATABASE_BEGAN = (
    "docker inspect --format '{{.State.StartedAt}}'"
    " $(docker ps -q --filter label=com.docker.swarm.service.name=shop_database)"
)
BACKEND_MADE = "docker service inspect shop_backend --format '{{json .CreatedAt}}'"


def moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.strip().strip('"')).timestamp()


def test_f34_nothing_that_asks_the_database_is_deployed_before_it_is_healthy(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness("f34", tmp_path) as seen:
        seen.wait_for_order()
        down = shop.swarmkit("down", *shop.declared, "--keep-swarm", "--confirm", "faults")
        assert down.returncode == 0, down.stdout + down.stderr

        shop.over = CRASHES
        crashed = shop.up("--timeout", "45")
        assert crashed.returncode == 4, crashed.stdout + crashed.stderr
        assert "no room for the log" in crashed.stderr
        assert "exit (7)" in crashed.stderr
        assert shop.lab.run("S", SERVICES).split() == ["shop_database"]

        shop.over = SLOW
        slow = shop.up()
        assert slow.returncode == 0, slow.stdout + slow.stderr
        waited = moment(shop.lab.run("S", BACKEND_MADE)) - moment(shop.lab.run("U", DATABASE_BEGAN))
        assert waited >= 60, waited
        began = time.time()
        seen.wait_for_order()
        shop.over = ""
        seconds = shop.recovered(began)
        seen.wait_for_order()
        check(shop, before, seen, changed=("shop_",))
        made(shop, before.clusters["S"])
    note |= {"fault": "F34", "recovered": seconds, "silence": seen.longest_silence()}
