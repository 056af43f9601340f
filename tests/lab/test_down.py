"""The way down and up again: the swarm is gone, the data is not, and the next swarm is as good as the first."""

from __future__ import annotations

import pytest
from lab.shop_lab import Shop
from lab.test_main_job import customers, order

pytestmark = pytest.mark.lab


def test_down_keeps_the_orders_and_up_brings_the_shop_back_with_them(deployed_shop: Shop) -> None:
    lab = deployed_shop.lab
    order(deployed_shop.url, "before the down")
    down = lab.swarmkit("down", "--confirm", "lab", *deployed_shop.declared)
    assert down.returncode == 0, down.stdout + down.stderr
    for host in "ABC":
        assert lab.run(host, "docker", "info", "--format", "{{.Swarm.LocalNodeState}}").strip() == "inactive"
        assert not lab.run(host, "docker", "ps", "-aq").strip()
    assert "shop_database-data" in lab.run("C", "docker", "volume", "ls", "-q")

    up = deployed_shop.up()
    assert up.returncode == 0, up.stdout + up.stderr
    assert "before the down" in customers(deployed_shop.url)
