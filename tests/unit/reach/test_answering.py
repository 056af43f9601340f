"""A host that falls silent while all are read takes no word from the others."""

from __future__ import annotations

import pytest
from fakes.swarm import FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host
from swarmkit.errors import SwarmkitError
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.ssh import CommandResult, CommandTimeoutError


def fleet_with(*silent: str) -> Fleet:
    def mute(script: str, arguments: tuple[str, ...]) -> CommandResult:
        del script, arguments
        raise CommandTimeoutError("no answer within 5 s", "it may still be running there")

    fleet = fake_fleet([Host(name, f"10.88.0.1{number}", "manager") for number, name in enumerate("ABC", 1)])
    for name in silent:
        shell = fleet[name].shell
        assert isinstance(shell, FakeShell)
        shell.answer = mute
    return fleet


def read(fleet: Fleet) -> list[str]:
    """Read as most do: one host's failure is the failure of it all."""
    for reached in fleet.values():
        reached.shell.run("read", timeout_seconds=1)
    return list(fleet)


def test_the_others_are_read_once_more_without_those_that_fell_silent() -> None:
    said, left, silent = of_those_that_answer(fleet_with("B"), read)
    assert (said, list(left)) == (["A", "C"], ["A", "C"])
    assert silent.keys() == {"B"}
    assert "no answer" in silent["B"].what


def test_what_fails_though_every_host_answers_is_raised() -> None:
    def broken(fleet: Fleet) -> None:
        raise SwarmkitError(f"a bad answer of {len(fleet)} hosts")

    with pytest.raises(SwarmkitError, match="a bad answer of 3 hosts"):
        of_those_that_answer(fleet_with(), broken)


def test_hosts_that_are_all_silent_are_raised() -> None:
    with pytest.raises(CommandTimeoutError):
        of_those_that_answer(fleet_with("A", "B", "C"), read)
