"""Going back to what a restore moved aside: which of several, what is told, and when there is nothing; pure."""

from __future__ import annotations

from pathlib import Path

from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.observe import observe
from swarmkit.observed.set_aside import SetAside, set_aside
from swarmkit.plan.declaration import Declared
from swarmkit.plan.restore.undo import undo_plan
from swarmkit.plan.states.operations import PutBack
from swarmkit.reach.ssh import CommandResult

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"))
ASIDE = (SetAside("swarm.before-restore-20261101T000000Z", ""), SetAside("swarm.before-restore-20261102T000000Z", "c1"))


def a_swarm() -> FakeFleet:
    inventory = Inventory(Path("inventory.yaml"), "prod", HOSTS)
    fleet = fake_fleet(inventory)
    run_once(fleet, Declared(inventory))
    return fleet


def test_the_newest_is_put_back_and_what_lies_there_now_is_named() -> None:
    plan = undo_plan(HOSTS[0], observe(a_swarm(), kernel="never"), ASIDE, "NOW")
    (operation,) = plan.operations
    assert isinstance(operation, PutBack)
    assert (operation.before, operation.kept) == ("swarm.before-restore-20261102T000000Z", "swarm.restored-NOW")
    assert "of cluster c1" in operation.step.reason
    assert operation.step.destructive
    assert [warning.where for warning in plan.warnings] == ["A", "B", "A"]
    older = plan.warnings[0]
    assert (older.what, older.evidence) == ("it goes back by the last of 2 restores", f"older: {ASIDE[0].folder}")
    alone = undo_plan(HOSTS[0], observe(a_swarm(), kernel="never"), ASIDE[1:], "NOW")
    assert [warning.where for warning in alone.warnings] == ["B", "A"]


def test_without_anything_aside_it_is_refused() -> None:
    plan = undo_plan(HOSTS[0], observe(a_swarm(), kernel="never"), (), "NOW")
    assert [refusal.code for refusal in plan.refusals] == ["H49"]
    assert plan.is_empty


def test_what_lies_aside_is_read_in_the_order_of_its_times() -> None:
    class Told:
        def run(self, *_: object, **__: object) -> CommandResult:
            return CommandResult(0, "folder swarm.before-restore-2 8 whole\nfolder swarm.before-restore-1 8 none\n", "")

    fleet = a_swarm()
    object.__setattr__(fleet["A"], "shell", Told())
    assert [one.folder for one in set_aside(fleet["A"], "/var/lib/docker")] == [
        "swarm.before-restore-1",
        "swarm.before-restore-2",
    ]
