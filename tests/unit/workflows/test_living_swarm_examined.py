"""What the doctor looks at before a living swarm is changed: what any host lacks for what shall run there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.plan.declaration import Declared
from swarmkit.reach.ssh import CommandResult
from swarmkit.workflows.planning import plan_for

FULL = "\n== space\n4096 2038647 10000 524288 515500\n"
NO_FORWARDING = "\n== files\n/proc/sys/net/ipv4/ip_forward:0\n"
NO_RULES = "\n== dockerd\n--iptables=false\n"


def declared(fleet: FakeFleet, folder: Path, image: str) -> Declared:
    path = folder / "s.yaml"
    path.write_text(f"services:\n  web: {{image: 'r.example/web:{image}'}}\n")
    inventory = Inventory(Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()))
    return Declared(inventory, load_stack(path, environment={}))


def shell(fleet: FakeFleet, host: str) -> FakeShell:
    found = fleet[host].shell
    assert isinstance(found, FakeShell)
    return found


@pytest.mark.parametrize(("said", "code"), [(FULL, "H38"), (NO_FORWARDING, "H26"), (NO_RULES, "D08")])
def test_what_a_host_lacks_for_its_tasks_refuses_a_change_of_services(
    fleet: FakeFleet, tmp_path: Path, said: str, code: str
) -> None:
    """The doctor was asked for new nodes alone: a change was deployed onto a full disk and failed a minute later."""
    run_once(fleet, declared(fleet, tmp_path, "1"))
    shell(fleet, "B").answer = lambda *_: CommandResult(0, said, "")
    refused, _ = plan_for(declared(fleet, tmp_path, "2"), fleet)
    assert [(finding.code, finding.where) for finding in refused.refusals] == [(code, "B")]
    shell(fleet, "B").answer = lambda *_: CommandResult(0, "", "")
    assert plan_for(declared(fleet, tmp_path, "2"), fleet)[0].refusals == ()


@pytest.mark.parametrize(
    "said", ["\n== modules\ngone 6.1.0-custom\n", "\n== files\n/proc/sys/net/bridge/bridge-nf-call-iptables:0\n"]
)
def test_what_tasks_run_well_without_refuses_no_change(fleet: FakeFleet, tmp_path: Path, said: str) -> None:
    """Kernels that are booted from outside have no modules on the disk, and all that a swarm needs in them."""
    run_once(fleet, declared(fleet, tmp_path, "1"))
    shell(fleet, "B").answer = lambda *_: CommandResult(0, said, "")
    assert plan_for(declared(fleet, tmp_path, "2"), fleet)[0].refusals == ()


def test_a_drained_host_s_disk_is_no_concern_of_what_runs_elsewhere(fleet: FakeFleet, tmp_path: Path) -> None:
    wish = declared(fleet, tmp_path, "1")
    hosts = tuple(replace(one, availability="drain") if one.name == "B" else one for one in wish.inventory.hosts)
    drained = replace(wish.inventory, hosts=hosts)
    run_once(fleet, replace(wish, inventory=drained))
    shell(fleet, "B").answer = lambda *_: CommandResult(0, FULL, "")
    changed = replace(declared(fleet, tmp_path, "2"), inventory=drained)
    assert plan_for(changed, fleet)[0].refusals == ()


def test_a_plan_without_a_change_asks_no_host_for_it(fleet: FakeFleet, tmp_path: Path) -> None:
    run_once(fleet, declared(fleet, tmp_path, "1"))
    before = {host: list(shell(fleet, host).scripts) for host in fleet}
    shell(fleet, "B").answer = lambda *_: CommandResult(0, FULL, "")
    plan, _ = plan_for(declared(fleet, tmp_path, "1"), fleet)
    assert (plan.is_empty, plan.refusals) == (True, ())
    assert {host: shell(fleet, host).scripts for host in fleet} == before
