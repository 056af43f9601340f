"""Commands on hosts in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fakes.network_commands import Command
from fakes.swarm import FakeFleet

from swarmkit.cli.networking.network import network
from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.workflows.network_run import NetworkRun
from swarmkit.workflows.terms import Terms


@pytest.fixture
def shown() -> list[Plan]:
    """The plans that were shown before anything was done."""
    return []


@pytest.fixture
def silent() -> dict[str, SwarmkitError]:
    """The hosts that cannot be reached, and why."""
    return {}


@pytest.fixture
def command(
    fleet: FakeFleet,
    shown: list[Plan],
    silent: dict[str, SwarmkitError],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Command:
    """Run a command of `network` on the fleet: agreed to, without journal and connections."""
    path = tmp_path / "hosts.yaml"
    path.write_text("")
    inventory = Inventory(path, "prod", tuple(reached.host for reached in fleet.values()))

    @contextmanager
    def on_fleet(*_: Any, **__: Any) -> Iterator[FakeFleet]:
        yield fleet

    @contextmanager
    def network_run(*_: Any, **__: Any) -> Iterator[NetworkRun]:
        yield NetworkRun(inventory, Terms(Silent(), lambda plan: shown.append(plan) is None))

    @contextmanager
    def on_some(*_: Any, **__: Any) -> Iterator[tuple[FakeFleet, dict[str, SwarmkitError]]]:
        yield fleet.of(name for name in fleet if name not in silent), silent

    monkeypatch.setattr("swarmkit.workflows.networks.reach_some", on_some)
    monkeypatch.setattr("swarmkit.workflows.some_hosts.reach_some", on_some)
    monkeypatch.setattr("swarmkit.workflows.network_run.reach", on_fleet)
    monkeypatch.setattr("swarmkit.cli.command_run.network_run", network_run)
    monkeypatch.setattr("swarmkit.declared.inventory.reading.load_inventory", lambda *_, **__: inventory)

    def run(*words: str) -> Result:
        return CliRunner().invoke(network, [*words, "-i", str(path)])

    return run
