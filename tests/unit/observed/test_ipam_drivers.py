"""Which drivers of addresses an engine has, and which of them a swarm takes."""

from __future__ import annotations

import pytest
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.observed.ipam_drivers import has_ipam_driver
from swarmkit.reach.ssh import CommandResult


@pytest.fixture
def asked(fleet: FakeFleet) -> list[str]:
    """The names that the shell of A was asked for: it knows the plugin ``legacy`` by a file."""
    names: list[str] = []
    shell = fleet["A"].shell
    assert isinstance(shell, FakeShell)

    def answer(_: str, arguments: tuple[str, ...]) -> CommandResult:
        names.extend(arguments)
        return CommandResult(0 if arguments == ("legacy",) else 1, "", "")

    shell.answer = answer
    return names


def plugin(name: str, capability: str, *, enabled: bool = True) -> dict[str, object]:
    return {"Name": name, "Enabled": enabled, "Config": {"Interface": {"Types": [{"Capability": capability}]}}}


@pytest.mark.parametrize(
    ("name", "on_host", "in_swarm"),
    [
        ("default", True, True),
        ("null", True, False),
        ("acme/ipam", True, True),
        ("acme/ipam:latest", True, True),
        ("acme/off:latest", False, False),
        ("acme/logs:latest", False, False),
        ("legacy", True, False),
        ("absent", False, False),
    ],
)
def test_a_driver_is_the_engines_own_or_a_plugin_that_is_enabled(
    fleet: FakeFleet, asked: list[str], name: str, on_host: bool, in_swarm: bool
) -> None:
    fleet.engine("A").plugins = [
        plugin("acme/ipam:latest", "ipamdriver"),
        plugin("acme/off:latest", "ipamdriver", enabled=False),
        plugin("acme/logs:latest", "logdriver"),
    ]
    assert has_ipam_driver(fleet["A"], name, for_swarm=False) is on_host
    assert has_ipam_driver(fleet["A"], name, for_swarm=True) is in_swarm
    assert set(asked) <= {name}
