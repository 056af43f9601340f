"""What planning asks of the hosts, and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.plan.declaration import Declared
from swarmkit.reach.ssh import CommandResult
from swarmkit.workflows.planning import plan_for

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"))
INVENTORY = Inventory(Path("i.yaml"), "prod", HOSTS, overlay_encryption="as-declared")
FIRST, NEXT = "first: {image: 'i:1'}", "next: {image: 'i:1'}"


def stack_of(tmp_path: Path, *services: str) -> Stack:
    path = tmp_path / "stack.yaml"
    path.write_text("services:\n" + "".join(f"  {service}\n" for service in services))
    return load_stack(path, name="s", environment={})


def kernel_questions(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep what is asked of the hosts' kernels, of each host in turn."""
    asked: list[str] = []
    run = FakeShell.run

    def told(shell: FakeShell, script: str, arguments: tuple[str, ...] = (), **options: Any) -> CommandResult:
        if "section machine_id" in script:
            asked.append(arguments[0])
        return run(shell, script, arguments, **options)

    monkeypatch.setattr(FakeShell, "run", told)
    assert len(fleet) == len(HOSTS)
    return asked


@pytest.mark.parametrize(
    ("services", "asked"),
    [
        ((FIRST,), ["auto"] * 2),
        ((FIRST, NEXT), ["always"] * 2),
        ((NEXT, FIRST), ["auto"] * 2 + ["always"] * 2),
        (("first: {image: 'i:2'}",), ["auto"] * 2 + ["always"] * 2),
    ],
    ids=["nothing to do", "a new service at the end", "a new service elsewhere", "an update"],
)
def test_the_kernels_are_asked_once_where_a_new_service_tells_that_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, services: tuple[str, ...], asked: list[str]
) -> None:
    fleet = fake_fleet(INVENTORY)
    for host in fleet:
        fleet.engine(host).images["sha256:1"] = ("i:1",)
    run_once(fleet, Declared(INVENTORY))
    run_once(fleet, Declared(INVENTORY, stack_of(tmp_path, FIRST)))
    questions = kernel_questions(fleet, monkeypatch)
    plan, observed = plan_for(Declared(INVENTORY, stack_of(tmp_path, *services)), fleet)
    assert plan.is_empty == (services == (FIRST,))
    assert questions == asked
    assert plan.is_empty or all(host.system.kernel for host in observed.hosts.values())
