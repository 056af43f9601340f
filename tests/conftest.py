"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import pytest
from fakes.swarm import FakeFleet, fake_fleet
from lab.spare_lab import spare_lab

from swarmkit.declared.host import Host

__all__ = ["fleet", "spare_lab"]


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
