"""Networks that are too small, or share a range, in an update: refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.invariants import check, record
from faults.world import World, witness

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.nightly]
Note = dict[str, object]
WITH = """
services:
  more:
    image: shop-backend:1.0
    entrypoint: [sh, -c, "while :; do sleep 1; done"]
    networks: [{networks}]
    deploy: {{replicas: 10}}
networks:
"""
NETWORK = "  {name}: {{driver: overlay, driver_opts: {{encrypted: ''}}, ipam: {{config: [{{subnet: {subnet}}}]}}}}\n"


def over(**subnets: str) -> str:
    """Return a file with one service of ten tasks on networks of these names and subnets."""
    networks = [NETWORK.format(name=name, subnet=subnet) for name, subnet in subnets.items()]
    return WITH.format(networks=", ".join(subnets)) + "".join(networks)


# The swarm's pool is 10.20.0.0/16, the hosts' own network 10.88.0.0/24.
REFUSED = {
    "small": (over(few="10.77.0.0/29"), ("error  H30  shop_few", "14 are needed")),
    "same": (over(one="10.77.0.0/24", other="10.77.0.0/24"), ("error  H28  shop_other", "10.77.0.0/24", "shop_one")),
    "lan": (over(lan="10.88.0.0/24"), ("error  H28  ", "10.88.0.0/24")),
}


def test_f36_networks_whose_ranges_cannot_be_are_refused_before_anything_is_made(
    shop: World, tmp_path: Path, note: Note
) -> None:
    before = record(shop)
    with witness("f36", tmp_path) as seen:
        for what, (text, causes) in REFUSED.items():
            shop.over = text
            refused = shop.up()
            assert refused.returncode == 1, what + refused.stdout + refused.stderr
            assert [cause for cause in causes if cause not in refused.stderr] == [], refused.stderr
        shop.over = ""
        seen.wait_for_order()
        check(shop, before, seen)
    note |= {"fault": "F36", "silence": seen.longest_silence()}
