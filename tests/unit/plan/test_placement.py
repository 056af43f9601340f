from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Deploy, Port, Resources, Service, Stack
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.nodes.swarm_operations import change_node
from swarmkit.plan.stacks.host_ports import host_port_warnings
from swarmkit.plan.stacks.placement import eligible_hosts, lacking_generic, most_tasks

HOSTS = (
    Host("A", "10.88.0.11", "manager", labels={"role": "front", "disk": "SSD"}),
    Host("B", "10.88.0.12", "worker", labels={"role": "data"}),
    Host("C", "10.88.0.13", "worker", labels={"role": "data"}, availability="drain"),
    Host("D", "10.88.0.14", "worker", labels={"role": "data"}, availability="pause"),
)


@pytest.mark.parametrize(
    ("constraints", "names"),
    [
        ((), "AB"),
        (("node.labels.role == data",), "B"),
        (("node.labels.role==data",), "B"),
        (("node.labels.disk == ssd",), "A"),
        (("node.labels.disk != ssd",), "B"),
        (("node.labels.absent == x",), ""),
        (("node.role == manager",), "A"),
        (("node.role == worker", "node.labels.role == front"), ""),
        (("node.hostname == host-b",), "B"),
        (("node.platform.os == linux",), "AB"),
        (("engine.labels.x == y",), "AB"),
    ],
)
def test_hosts_that_may_run_a_service(constraints: tuple[str, ...], names: str) -> None:
    observed = observe(fake_fleet(Inventory(Path("i.yaml"), "prod", HOSTS)), kernel="never")
    service = Service("x", "x:1", deploy=Deploy(constraints=constraints))
    assert "".join(host.name for host in eligible_hosts(service, HOSTS, observed)) == names


def test_labels_that_were_set_by_hand_count_unless_others_are_declared(tmp_path: Path) -> None:
    inventory = Inventory(tmp_path / "i.yaml", "prod", HOSTS[:2])
    fleet = fake_fleet(inventory)
    run_once(fleet, Declared(inventory))
    for name in "AB":
        node = str(fleet[name].engine.info()["Swarm"]["NodeID"])
        change_node(fleet["A"].engine, node, labels={"db": "1", "role": "by-hand"})
    observed = observe(fleet, kernel="never")
    for constraint, names in (("node.labels.db == 1", "AB"), ("node.labels.role == by-hand", "")):
        service = Service("x", "x:1", deploy=Deploy(constraints=(constraint,)))
        assert "".join(host.name for host in eligible_hosts(service, HOSTS[:2], observed)) == names


def test_a_port_in_host_mode_and_max_replicas_bound_how_many_tasks_can_run() -> None:
    on_hosts = Service("x", "x:1", ports=(Port(80, 8099, "tcp", "host"),))
    assert most_tasks(on_hosts, HOSTS[:3]) == (3, "port 8099 in host mode is there once on each")
    assert most_tasks(Service("x", "x:1", deploy=Deploy(max_replicas_per_node=2)), HOSTS[:3]) == (
        6,
        "max_replicas_per_node is 2",
    )
    assert most_tasks(Service("x", "x:1", ports=(Port(80, 8099),)), HOSTS) is None


OFFERED = [
    {"NamedResourceSpec": {"Kind": "gpu", "Value": "UUID1"}},
    {"NamedResourceSpec": {"Kind": "gpu", "Value": "UUID2"}},
    {"DiscreteResourceSpec": {"Kind": "ssd", "Value": 3}},
]


@pytest.mark.parametrize(
    ("generic", "says"),
    [
        ((("gpu", 2), ("ssd", 3)), ""),
        ((("gpu", 3),), "3 gpu; the most is 2"),
        ((("ssd", 1), ("fpga", 1)), "1 fpga; the most is 0"),
        ((("fpga", 0),), ""),
    ],
)
def test_a_resource_that_no_host_offers_is_lacking(generic: tuple[tuple[str, int], ...], says: str) -> None:
    fleet = fake_fleet(Inventory(Path("i.yaml"), "prod", HOSTS[:2]))
    fleet.engine("B").info_changes["GenericResources"] = OFFERED
    service = Service("x", "x:1", deploy=Deploy(reservations=Resources(generic=generic)))
    assert lacking_generic(service, HOSTS[:2], observe(fleet, kernel="never")) == says


def on_port(name: str, constraint: str = "", **deploy: Any) -> Service:
    constraints = (constraint,) if constraint else ()
    return Service(
        name, "x:1", ports=(Port(80, 8099, "tcp", "host"),), deploy=Deploy(constraints=constraints, **deploy)
    )


@pytest.mark.parametrize(
    ("other", "what", "seen"),
    [
        (on_port("b", "node.hostname == host-b"), "", ""),
        (on_port("b"), "may both come to A", "who comes second waits"),
        (on_port("b", mode="global"), "may both come to A", "they are 3 tasks, and A, B can run 2"),
        (on_port("b", "node.hostname == host-a"), "may both come to A", "they are 2 tasks, and A can run 1"),
        (on_port("b", replicas=0), "", ""),
        (replace(on_port("b"), ports=(Port(80, 8099, "udp", "host"),)), "", ""),
        (replace(on_port("b"), ports=(Port(80, None, "tcp", "host"),)), "", ""),
    ],
)
def test_two_services_on_one_port_in_host_mode_are_told_where_they_may_meet(
    other: Service, what: str, seen: str
) -> None:
    inventory = Inventory(Path("i.yaml"), "prod", HOSTS[:2])
    stack = Stack(Path("s.yaml"), "s", (on_port("a", "node.hostname == host-a"), other))
    found = list(host_port_warnings(stack, inventory, observe(fake_fleet(inventory), kernel="never")))
    assert [one.code for one in found] == (["B37"] if what else [])
    assert all(what in one.what and seen in one.evidence for one in found)
