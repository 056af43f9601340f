from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Deploy, Port, Service
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.nodes.swarm_operations import change_node
from swarmkit.plan.stacks.placement import eligible_hosts, most_tasks

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
