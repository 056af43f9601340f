"""`network create`, `rm` and `prune` beside another run: they wait for the lock of the cluster, as `up` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.network_commands import Command, add_network, networks_of
from fakes.running import run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.plan.declaration import Declared
from swarmkit.reach.lock import LOCK_NAME, ClusterLock, LockedError

COMMANDS = [("create", "new", "--on", "B"), ("create", "-d", "overlay", "new"), ("rm", "app"), ("prune",)]


@contextmanager
def held(fleet: FakeFleet) -> Iterator[None]:
    lock = ClusterLock((reached.engine for reached in fleet.values()), "up", heartbeat_seconds=0.05)
    lock.take()
    try:
        yield
    finally:
        lock.release()


@pytest.fixture
def swarm(fleet: FakeFleet) -> FakeFleet:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(reached.host for reached in fleet.values()))))
    add_network(fleet, "B", "app")
    return fleet


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_network_comes_or_goes_while_another_run_holds_the_cluster(
    swarm: FakeFleet, command: Command, words: tuple[str, ...]
) -> None:
    before = [networks_of(swarm, host) for host in "ABC"]
    with held(swarm):
        assert isinstance(command(*words).exception, LockedError)
    assert [networks_of(swarm, host) for host in "ABC"] == before


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_lock_is_given_back(swarm: FakeFleet, command: Command, words: tuple[str, ...]) -> None:
    assert command(*words).exception is None
    assert LOCK_NAME not in {item["Spec"]["Name"] for item in swarm.engine("A").find("configs")}


def test_hosts_without_a_swarm_get_networks_by_no_lock(fleet: FakeFleet, command: Command) -> None:
    assert command("create", "new", "--on", "B").exception is None
    assert len(networks_of(fleet, "B")) == 1
