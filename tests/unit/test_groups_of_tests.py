"""Tests that share a lab are one group, for one worker after the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.groups import group_lab_tests, group_of


class FakeItem(pytest.Item):
    """A test of the lab, of a file and with fixtures."""

    def runtest(self) -> None:
        raise NotImplementedError


def item(request: pytest.FixtureRequest, file: str, *fixtures: str) -> pytest.Item:
    made = FakeItem.from_parent(request.node.parent, name="test_x")
    made.path = Path(file)
    made.fixturenames = list(fixtures)
    made.add_marker(pytest.mark.lab)
    return made


def test_files_whose_tests_break_the_same_hosts_are_one_group(request: pytest.FixtureRequest) -> None:
    """Two workers with a file each had the second one's hosts refused: the first's had their addresses."""
    items = [
        item(request, "faults/test_faults.py", "shop", "world"),
        item(request, "faults/test_lost_managers.py", "note", "shop", "world"),
        item(request, "lab/test_networks.py", "hosts"),
    ]
    group_lab_tests(items)
    assert [group_of(one) for one in items] == ["test_faults", "test_faults", "test_networks"]
