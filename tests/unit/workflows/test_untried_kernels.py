"""What is said of hosts whose kernel nobody could try, as the login is not root, before an encrypted network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.plan.declaration import Declared
from swarmkit.workflows.planning import plan_for

A, B, C = (Host(name, f"10.88.0.{number}", "worker") for name, number in (("A", 11), ("B", 12), ("C", 13)))
A = replace(A, role="manager")


def inventory(*hosts: Host) -> Inventory:
    return Inventory(Path("hosts.yaml"), "shop", hosts)


def stack(tmp_path: Path, networks: str = "n: {}") -> Stack:
    path = tmp_path / "stack.yaml"
    path.write_text(f"services: {{web: {{image: 'reg.example/x:1', networks: [n]}}}}\nnetworks: {{{networks}}}\n")
    return load_stack(path, name="shop", environment={})


def without_root(*names: str, fleet: FakeFleet) -> None:
    for name in names:
        fleet.machine(name).kernel.clear()


def refused(declared: Declared, fleet: FakeFleet) -> dict[str, str]:
    """Return which hosts the plan is refused for by H04, with what is said of each."""
    plan, _ = plan_for(declared, fleet)
    return {one.where: one.what for one in plan.refusals if one.code == "H04"}


@pytest.mark.parametrize("is_living", [False, True])
def test_a_first_encrypted_network_is_refused_where_kernels_could_not_be_tried(tmp_path: Path, is_living: bool) -> None:
    hosts = inventory(A, B)
    fleet = fake_fleet(hosts)
    without_root("B", fleet=fleet)
    if is_living:
        run_once(fleet, Declared(hosts, None))
    said = refused(Declared(hosts, stack(tmp_path)), fleet)
    assert list(said) == ["B"]
    assert said["B"].startswith("its kernel could not be tried")


def test_the_operator_may_know_that_the_kernels_can(tmp_path: Path) -> None:
    hosts = inventory(A, B)
    fleet = fake_fleet(hosts)
    without_root("A", "B", fleet=fleet)
    plan, _ = plan_for(Declared(hosts, stack(tmp_path), overridden=frozenset({"H04"})), fleet)
    assert "H04" not in [one.code for one in plan.refusals]
    assert [one.where for one in plan.warnings if one.code == "H04"] == ["A", "B"]


def test_hosts_that_carry_an_encrypted_network_already_need_no_root_for_the_next_one_but_one_that_joins_does(
    tmp_path: Path,
) -> None:
    hosts = inventory(A, B)
    fleet = fake_fleet(inventory(A, B, C))
    run_once(fleet, Declared(hosts, stack(tmp_path)))
    without_root("A", "B", "C", fleet=fleet)
    two = stack(tmp_path, "n: {}, m: {}")
    assert refused(Declared(hosts, two), fleet) == {}
    assert list(refused(Declared(inventory(A, B, C), two), fleet)) == ["C"]


def test_a_network_in_clear_needs_no_root(tmp_path: Path) -> None:
    hosts = inventory(A, B)
    fleet = fake_fleet(hosts)
    without_root("A", "B", fleet=fleet)
    clear = stack(tmp_path, "n: {x-swarmkit: {encrypted: false, reason: it is tested}}")
    assert refused(Declared(hosts, clear), fleet) == {}
