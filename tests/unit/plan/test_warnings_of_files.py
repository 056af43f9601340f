"""What the readers of files warn of is in the plan, where the operator sees it."""

from __future__ import annotations

from pathlib import Path

from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.planner import make_plan

INVENTORY = """
all:
  vars: {ansible_user: root, swarm_cluster: prod, swarm_address_pools: [10.20.0.0/16]}
  children:
    managers: {hosts: {A: {ansible_host: 10.88.0.11}}}
    others: {hosts: {Z: {ansible_host: 10.88.0.19}}}
"""
STACK = """
services:
  web:
    image: registry.example/web:1.0
    container_name: mine
    environment: {A: $UNSET}
"""


def test_a_plan_tells_what_the_stack_and_the_inventory_are_warned_of_with_the_place(tmp_path: Path) -> None:
    for name, text in (("hosts.yaml", INVENTORY), ("stack.yaml", STACK)):
        (tmp_path / name).write_text(text)
    inventory = load_inventory(tmp_path / "hosts.yaml")
    stack = load_stack(tmp_path / "stack.yaml", name="web", environment={})
    said = [*inventory.warnings, *stack.warnings]
    assert {warning.code for warning in said} >= {"B31", "B36"}
    plan = make_plan(Declared(inventory, stack), observe(fake_fleet(inventory), kernel="never"))
    told = {(warning.code, warning.where) for warning in plan.warnings}
    assert {(one.code, f"{one.file}:{one.line}:{one.column}") for one in said} <= told
    (ignored,) = [warning for warning in plan.warnings if warning.code == "B31"]
    assert ignored.what.startswith("services.web.container_name: ")
    assert str(tmp_path / "stack.yaml:5") in ignored.where
