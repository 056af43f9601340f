"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator

import pytest
from fakes.swarm import FakeFleet, fake_fleet
from lab.groups import end_group, group_lab_tests
from lab.spare_lab import spare_lab

from swarmkit.declared.inventory.host import Host

__all__ = ["fleet", "spare_lab"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nightly", action="store_true", help="also the tests that take minutes each and are marked nightly"
    )


def pytest_configure() -> None:
    # A shell without job control starts what is in the background deaf to Ctrl-C, and so would be the runs we hurt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--nightly"):
        long = [item for item in items if item.get_closest_marker("nightly")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    group_lab_tests(items)


def pytest_collection_finish() -> None:
    # Thousands of tests that are there to the end: the collector would go through them all again and again.
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    try:
        yield
    finally:
        end_group(item, nextitem)


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
