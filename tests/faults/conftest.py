"""The faults' world, brought up by runs that were hurt; seeds; and the record of what every case showed."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from faults.hurting import BringUp, bring_up_hurt
from faults.table import recorded
from faults.world import FIRST_PASSWORD, HOSTS, INVENTORY, World
from lab.groups import after_group
from lab.shop_lab import Lab, images

__all__ = ["images"]

SEEDS = "FAULT_SEEDS"
RECORD = "FAULT_RECORD"
_PASSED = pytest.StashKey[bool]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("seeds")
        count = int(os.environ.get(SEEDS) or (marked.args[0] if marked else 1))
        metafunc.parametrize("seed", range(1, count + 1))


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, images: Path) -> Iterator[World]:
    """Three bare hosts; ended after the last test of their group."""
    state, folder = tmp_path_factory.mktemp("faults"), tmp_path_factory.mktemp("operator")
    made = World(
        Lab(state / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(state)}, INVENTORY), folder, images
    )
    (folder / "tmp").mkdir()
    made.set_password(FIRST_PASSWORD)
    after_group(request, lambda: made.lab.swarmkit("lab", "down"))
    try:
        made.lab.up()
        yield made
    finally:
        made.lab.swarmkit("lab", "down")


@pytest.fixture(scope="session")
def hurt_bring_up(world: World) -> BringUp:
    """The shop, from bare hosts, by runs of which two were hurt."""
    return bring_up_hurt(world, random.Random(1), ways=("kill", "cut"))


@pytest.fixture
def shop(world: World, hurt_bring_up: BringUp) -> Iterator[World]:
    """The shop as it runs; whatever a case broke is mended after it, and what a failed one left undone before."""
    assert hurt_bring_up.cluster
    world.over = ""
    whole = world.up()
    assert whole.returncode == 0, whole.stdout + whole.stderr
    yield world
    assert world.lab.swarmkit("lab", "fault", "heal").returncode == 0
    off = [
        host for host in HOSTS if f"{host}  off" in world.lab.swarmkit("lab", "status").stdout.replace("     ", "  ")
    ]
    for host in off:
        world.fault("power-on", host)
    if off:
        world.lab.up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
    return report


@pytest.fixture
def note(request: pytest.FixtureRequest, world: World) -> Iterator[dict[str, object]]:
    """What a case showed; kept as a line of the file that FAULT_RECORD names, whether the case passed or not.

    The orders, and those of them that are lost, are what the invariants counted, also where they ended the case.
    """
    shown: dict[str, object] = {}
    world.counted.clear()
    yield shown
    passed = request.node.stash.get(_PASSED, False)
    line = json.dumps(recorded(request.node.name, passed=passed, shown={**world.counted, **shown}))
    print(line)
    if file := os.environ.get(RECORD):
        with Path(file).open("a") as lines:
            lines.write(line + "\n")
