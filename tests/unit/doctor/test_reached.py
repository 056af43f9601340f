"""Hosts that cannot be looked at are findings, and do not hide what the others have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.swarm import FakeShell, fake_fleet
from unit.verify.verify_world import World

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.doctor.checks.reached import check_reached, check_sudo
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.plan.declaration import Declared
from swarmkit.plan.progress import Silent
from swarmkit.reach.engine_missing import NoEngineError
from swarmkit.reach.ssh import CommandResult
from swarmkit.workflows import doctor as workflow


def test_a_silent_host_is_told_with_why_and_what_to_do_about_that() -> None:
    """A stopped engine's remedy was to look at SSH and the host key."""
    why = NoEngineError("B: no Docker engine answers", "connection refused", "install and start Docker on B")
    (finding,) = check_reached(World().inventory, {"B": why})
    assert (finding.code, finding.severity, finding.where) == ("D11", "error", "B")
    assert finding.what == "no Docker engine answers: nothing is known of it"
    assert finding.evidence == "no Docker engine answers; connection refused"
    assert finding.remedy == "install and start Docker on B"
    (finding,) = check_reached(World().inventory, {"B": SwarmkitError("B: gone")})
    assert finding.what == "it cannot be reached: nothing is known of it"
    assert "ssh -p 22 10.88.0.12" in finding.remedy


def no_tty(script: str, arguments: tuple[str, ...]) -> CommandResult:
    del script, arguments
    raise SwarmkitError("cannot run commands as root", "sudo: sorry, you must have a tty", "check sudo -n true")


def test_a_host_whose_sudo_does_not_make_root_is_told_and_one_that_is_root_anyway_is_not_asked() -> None:
    fleet = fake_fleet([Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker", become=True)])
    for reached in fleet.values():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = no_tty
    found = check_sudo(fleet)
    assert found.keys() == {"B"}
    assert (found["B"].code, found["B"].evidence) == ("S08", "sudo: sorry, you must have a tty")


@pytest.mark.parametrize(
    ("only", "skip", "codes"), [((), (), ["D11", "S08"]), (("S08",), (), ["S08"]), ((), ("S08",), ["D11"])]
)
def test_where_sudo_makes_root_on_no_host_each_is_told_and_it_is_no_bug(
    only: tuple[str, ...], skip: tuple[str, ...], codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a ValueError of the pool of threads, which has one for each host that can be read."""
    hosts = [Host("A", "10.88.0.11", "manager", become=True), Host("B", "10.88.0.12", "worker")]
    fleet = fake_fleet(hosts[:1])
    assert isinstance(fleet["A"].shell, FakeShell)
    fleet["A"].shell.answer = no_tty
    silent = {"B": UnreachableError("B: no Docker engine answers")}

    @contextmanager
    def reach_some(*_: object, **__: object) -> Iterator[tuple[object, dict[str, UnreachableError]]]:
        yield fleet, silent

    monkeypatch.setattr(workflow, "reach_some", reach_some)
    declared = Declared(Inventory(Path("hosts.yaml"), "shop", tuple(hosts)), None)
    said = workflow.doctor(declared, progress=Silent(), only=only, skip=skip)
    assert [finding.code for finding in said.findings] == codes
    assert (sorted(said.checks), said.hosts, said.silent) == (codes, (), ("B", "A"))
