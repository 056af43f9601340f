"""`network create` with a driver that a host has not: a word mistyped, or a plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.network_commands import Command, networks_of
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import InputError
from swarmkit.plan.declaration import Declared
from swarmkit.reach.ssh import CommandResult


@pytest.fixture(autouse=True)
def files(fleet: FakeFleet) -> set[tuple[str, str]]:
    """Host and name of each plugin that is but a file: none at first."""
    there: set[tuple[str, str]] = set()

    def has_file(host: str, asked: tuple[str, ...]) -> CommandResult:
        return CommandResult(0 if (host, asked[0]) in there else 1, "", "")

    for host in fleet:
        shell = fleet[host].shell
        assert isinstance(shell, FakeShell)
        shell.answer = lambda _, asked, host=host: has_file(host, asked)
    return there


def plugin(fleet: FakeFleet, host: str, name: str) -> None:
    drivers = ["bridge", "host", "ipvlan", "macvlan", "null", "overlay", name]
    fleet.engine(host).info_changes["Plugins"] = {"Network": drivers}


def test_a_word_mistyped_is_refused_with_the_nearest(fleet: FakeFleet, command: Command) -> None:
    done = command("create", "app", "-d", "brigde")
    assert isinstance(done.exception, InputError)
    assert done.exception.exit_code == 2
    assert done.exception.what == "there is no network driver brigde on A, B, C"
    assert done.exception.to_do.startswith("did you mean 'bridge'? there are bridge, ipvlan, macvlan, overlay;")
    assert networks_of(fleet, "A") == set()


def test_a_plugin_is_a_driver_on_the_hosts_that_have_it(
    fleet: FakeFleet, command: Command, files: set[tuple[str, str]]
) -> None:
    plugin(fleet, "A", "acme:latest")
    files.add(("B", "acme"))
    done = command("create", "app", "-d", "acme")
    assert isinstance(done.exception, InputError)
    assert done.exception.what == "there is no network driver acme on C"
    assert command("create", "app", "-d", "acme", "--on", "A", "--on", "B").exception is None
    assert [fleet.engine(host).inspect("networks", "app")["Driver"] for host in "AB"] == ["acme", "acme"]


def test_a_swarm_takes_no_plugin_that_is_but_a_file(
    fleet: FakeFleet, command: Command, files: set[tuple[str, str]]
) -> None:
    run_once(fleet, Declared(Inventory(Path("i"), "prod", tuple(one.host for one in fleet.values()))))
    files.update((host, "acme") for host in fleet)
    wide = ("create", "wide", "-d", "acme", "--scope", "swarm")
    assert isinstance(command(*wide).exception, InputError)
    plugin(fleet, "A", "acme")
    assert command(*wide).exception is None


def test_what_is_config_only_has_no_driver(command: Command) -> None:
    assert command("create", "app", "-d", "brigde", "--config-only", "--subnet", "10.1.0.0/24").exception is None
