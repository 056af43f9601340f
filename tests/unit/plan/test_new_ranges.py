"""The ranges of networks that a plan makes: what they clash with, and whether there is room for what is on them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.doctor.plan_checks import plan_findings
from swarmkit.finding import Finding
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.networks.planner import plan_create
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.planner import make_plan

PLACE = ("s.yaml:3", "s.yaml:4")
NETWORKS = """\
services: {{web: {{image: 'r.example/web:1', networks: [net, other], deploy: {{{deploy}}}}}}}
networks:
  net: {net}
  other: {other}
"""


@pytest.fixture
def inventory(fleet: FakeFleet) -> Inventory:
    shells = [reached.shell for reached in fleet.values()]
    for shell in shells:
        assert isinstance(shell, FakeShell)
        shell.machine.routes += [("10.88.0.0/24", "eth0")]
    shells[1].machine.routes += [("10.40.7.0/24", "tun0")]  # type: ignore[attr-defined]
    return Inventory(
        Path("i.yaml"), "prod", tuple(reached.host for reached in fleet.values()), address_pools=("10.20.0.0/16",)
    )


def on(*subnets: str, driver: str = "overlay") -> str:
    entries = ", ".join(f"{{subnet: {subnet}}}" for subnet in subnets)
    return f"{{driver: {driver}, ipam: {{config: [{entries}]}}}}"


def declared(inventory: Inventory, folder: Path, stack: str = "s", **said: Any) -> Declared:
    path = folder / "s.yaml"
    path.write_text(NETWORKS.format(**{"deploy": "", "net": "{}", "other": "{}", **said}))
    return Declared(inventory, load_stack(path, name=stack, environment={}))


def told(fleet: FakeFleet, wish: Declared) -> list[Finding]:
    observed = observe(fleet, kernel="never")
    return list(plan_findings(fleet, make_plan(wish, observed), wish.inventory, wish.stack, observed))


@pytest.mark.parametrize("swarm_is_there", [True, False])
@pytest.mark.parametrize(
    ("net", "where", "what"),
    [
        (on("10.88.0.0/25"), "A, B, C", "overlaps 10.88.0.0/24, which A, B, C reach elsewhere"),
        (on("10.40.0.0/16"), "B", "overlaps 10.40.7.0/24, which B reaches elsewhere"),
        (on("10.40.0.0/16", driver="bridge"), "B", "overlaps 10.40.7.0/24, which B reaches elsewhere"),
        (on("10.50.0.0/24", "172.17.9.0/24"), "A, B, C", "overlaps 172.17.0.0/16"),
    ],
)
def test_a_declared_range_that_a_host_routes_is_told_with_its_line(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, swarm_is_there: bool, net: str, where: str, what: str
) -> None:
    if swarm_is_there:
        run_once(fleet, Declared(inventory))
    (finding,) = told(fleet, declared(inventory, tmp_path, net=net))
    assert (finding.code, finding.severity, finding.where) == ("H28", "error", where)
    assert what in finding.what
    assert PLACE[0] in finding.evidence
    assert "network plan" in finding.remedy


@pytest.mark.parametrize("driver", ["overlay", "bridge"])
def test_two_ranges_of_one_file_that_overlap_are_told_with_both_lines(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, driver: str
) -> None:
    wish = declared(inventory, tmp_path, net=on("10.50.0.0/16"), other=on("10.50.3.0/24", driver=driver))
    (finding,) = told(fleet, wish)
    assert (finding.code, finding.where) == ("H28", "s_other")
    assert all(place in finding.evidence for place in PLACE)


def test_a_range_of_a_live_overlay_is_told_and_the_networks_own_is_not(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path
) -> None:
    run_once(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/16")))
    assert told(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/16"), deploy="replicas: 2")) == []
    (finding,) = told(fleet, declared(inventory, tmp_path, "second", net=on("10.50.3.0/24")))
    assert finding.what == "10.50.3.0/24 of network second_net overlaps 10.50.0.0/16 of network s_net"
    assert PLACE[0] in finding.evidence


@pytest.mark.parametrize(
    ("subnet", "severity", "says"),
    [
        ("10.20.200.0/24", "warning", "is in the swarm's pool 10.20.0.0/16"),
        ("10.50.3.0/24", "error", "overlaps 10.50.0.0/16 of network s_net"),
    ],
)
def test_a_hosts_own_network_in_a_range_of_the_swarm_is_told_with_one_that_is_free(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, subnet: str, severity: str, says: str
) -> None:
    """It was made without a word, and the address sheet told of it afterwards."""
    run_once(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/16")))
    observed = observe(fleet, kernel="never")
    bridge = plan_create(NetworkWish("app", "bridge", subnets=(subnet,)), ["B"], [], {})
    found = list(plan_findings(fleet, bridge, inventory, None, observed))
    (finding,) = [one for one in found if one.code == "H28"]
    assert finding.severity == severity
    assert says in finding.what
    assert finding.remedy == "choose a range outside, such as 172.24.0.0/24"


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_a_range_on_the_hosts_own_lan_is_meant(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, driver: str
) -> None:
    lan = f"{on('10.88.0.0/24', driver=driver)[:-1]}, x-swarmkit: {{parent: eth0.7, range: 10.88.0.128/26}}}}"
    assert [one for one in told(fleet, declared(inventory, tmp_path, net=lan)) if one.code == "H28"] == []


@pytest.mark.parametrize(
    ("deploy", "before", "needed"),
    [
        ("replicas: 2", "", None),
        ("replicas: 3", "", "7 are needed"),
        ("mode: global", "mode: global, placement: {constraints: [node.role == manager]}", "7 are needed"),
    ],
)
def test_a_range_with_too_few_addresses_is_told_when_its_made_and_when_a_service_grows(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, deploy: str, before: str, needed: str | None
) -> None:
    wish = declared(inventory, tmp_path, net=on("10.50.0.0/29"), deploy=deploy)
    assert _one_of(told(fleet, wish)) == needed
    run_once(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/29"), deploy=before))
    assert _one_of(told(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/29"), deploy=deploy))) == needed


@pytest.mark.parametrize(("replicas", "needed"), [(7, None), (8, "14 are needed")])
def test_what_another_stack_has_on_an_external_network_counts(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, replicas: int, needed: str | None
) -> None:
    run_once(fleet, declared(inventory, tmp_path, net=on("10.50.0.0/28"), deploy="replicas: 1"))
    external = declared(
        inventory, tmp_path, stack="t", net="{external: true, name: s_net}", deploy=f"replicas: {replicas}"
    )
    found = told(fleet, external)
    assert _one_of(found) == needed
    assert all("have s_net made" in one.remedy for one in found)


def _one_of(found: list[Finding]) -> str | None:
    for finding in found:
        assert finding.code == "H30"
        assert PLACE[0] in finding.evidence
        return finding.evidence.partition(" (")[0]
    return None


@pytest.mark.parametrize(
    ("net", "severity", "says"),
    [
        (f"{on('fd00:31::/64', '10.50.0.0/24')[:-1]}, enable_ipv6: true}}", "warning", "reaches no other host"),
        (f"{on('fd00:31::/64')[:-1]}, enable_ipv6: true}}", "error", "no manager allocates"),
        (f"{on('fd00:31::/64', driver='bridge')[:-1]}, enable_ipv6: true}}", None, ""),
    ],
)
def test_ipv6_on_an_overlay_is_told_of_and_alone_refused(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path, net: str, severity: str | None, says: str
) -> None:
    found = told(fleet, declared(inventory, tmp_path, net=net))
    assert [(one.code, one.severity) for one in found] == ([("D13", severity)] if severity else [])
    assert all(says in one.what and PLACE[0] in one.evidence for one in found)


def test_a_pool_that_has_no_subnet_left_is_told(fleet: FakeFleet, inventory: Inventory, tmp_path: Path) -> None:
    small = dataclasses.replace(inventory, address_pools=("10.20.0.0/23",))
    run_once(fleet, Declared(small))
    found = told(fleet, declared(small, tmp_path))
    assert [(one.code, one.where) for one in found] == [("H30", "s_other")]
    assert "1 free, 2 needed" in found[0].evidence


def test_the_swarms_own_size_of_subnets_counts_and_not_the_inventorys(
    fleet: FakeFleet, inventory: Inventory, tmp_path: Path
) -> None:
    run_once(fleet, Declared(dataclasses.replace(inventory, address_pool_prefix=28)))
    found = told(fleet, declared(inventory, tmp_path, deploy="replicas: 10"))
    assert [one.evidence.partition(" (")[0] for one in found] == ["14 are needed", "14 are needed"]
    assert told(fleet, declared(inventory, tmp_path, deploy="replicas: 9")) == []


def test_a_network_by_command_is_looked_at_on_every_host_that_gets_it(fleet: FakeFleet, inventory: Inventory) -> None:
    run_once(fleet, Declared(inventory))
    observed = observe(fleet, kernel="never")

    def found(wish: NetworkWish, host: str) -> list[str]:
        plan: Plan = plan_create(wish, [host], [], {})
        return [one.where for one in plan_findings(fleet, plan, inventory, None, observed)]

    assert found(NetworkWish("wide", driver="overlay", subnets=("10.40.0.0/16",)), "A") == ["B"]
    assert found(NetworkWish("here", subnets=("10.40.0.0/16",)), "A") == []
    assert found(NetworkWish("here", subnets=("10.40.0.0/16",)), "B") == ["B"]
