"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import pytest
from fakes.swarm import FakeFleet, fake_fleet
from lab.spare_lab import spare_lab

from swarmkit.declared.host import Host

__all__ = ["fleet", "spare_lab"]

_OF_THE_SHOP = {"deployed_shop", "lab", "shop_url"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep the tests of one lab together, in their order, when several workers run them side by side."""
    if item.get_closest_marker("lab") and not item.get_closest_marker("xdist_group"):
        item.add_marker(pytest.mark.xdist_group(_lab_of(item)))


def _lab_of(item: pytest.Item) -> str:
    wanted = set(getattr(item, "fixturenames", ()))
    if wanted & _OF_THE_SHOP:
        return "shop"
    return "spare" if "spare_lab" in wanted else item.path.stem


@pytest.fixture
def fleet() -> FakeFleet:
    """Three bare fake hosts: A shall be a manager, B and C workers."""
    return fake_fleet(
        [
            Host("A", "10.88.0.11", "manager", labels={"role": "frontend"}),
            Host("B", "10.88.0.12", "worker", labels={"role": "backend"}),
            Host("C", "10.88.0.13", "worker", labels={"role": "database"}),
        ]
    )
