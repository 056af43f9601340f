import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Deploy, Network, Service, Stack
from swarmkit.observed.model import (
    ClusterState,
    EngineFacts,
    HostFacts,
    NetworkState,
    Node,
    Observed,
    ServiceState,
    SystemFacts,
    TaskState,
)
from swarmkit.report.status import print_status, status_as_json

IMAGE = "sha256:aaaabbbbccccddddeeee"
PORT = {"PublishedPort": 8080, "TargetPort": 80, "Protocol": "tcp", "PublishMode": "ingress"}
INVENTORY = Inventory(
    Path("lab.yaml"),
    "lab",
    tuple(Host(name, f"127.88.0.{n}", "manager" if n == 1 else "worker") for n, name in enumerate("ABC", 1)),
)
STACK = Stack(Path("stack.yaml"), "shop", (Service("backend", "shop/backend:1.0"),), (Network("net", "shop_net"),))


def facts(name: str) -> HostFacts:
    engine = EngineFacts(
        version="26.1.5",
        api_version=(1, 45),
        engine_id=name,
        operating_system="linux",
        architecture="x86_64",
        swarm_state="active",
        swarm_error="",
        node_id=f"node-{name}",
        node_addr="",
        is_manager=name == "A",
        cluster_id="cluster" if name == "A" else None,
        live_restore=False,
        rootless=False,
        memory_bytes=1 << 30,
        cpus=2,
        images={IMAGE: ("shop/backend:1.0",)},
        content_store=False,
    )
    return HostFacts(name, SystemFacts(name, name, {}, (), 0.0), engine)


def node(name: str, number: int, **changes: Any) -> Node:
    is_manager = name == "A"
    role, reachability = ("manager", "reachable") if is_manager else ("worker", "")
    made = Node(
        f"node-{name}", 1, f"vm-{name}", role, "active", {"tier": name.lower()}, "ready", f"10.88.0.{number}",
        reachability, is_manager, {}, "26.1.5",
    )  # fmt: skip
    return replace(made, **changes)


def service(
    name: str, *, replicas: int = 1, image: str = IMAGE, ports: tuple[Mapping[str, Any], ...] = ()
) -> ServiceState:
    spec = {
        "TaskTemplate": {"ContainerSpec": {"Image": image}},
        "Mode": {"Replicated": {"Replicas": replicas}},
        "EndpointSpec": {"Ports": list(ports)},
    }
    return ServiceState(f"id-{name}", 1, name, {"com.docker.stack.namespace": "shop"}, spec)


def task(name: str, host: str, state: str = "running", error: str = "") -> TaskState:
    return TaskState(
        f"task-{name}", f"id-{name}", f"node-{host}", 1, state, "running", error, "", "", {}, IMAGE, "2024-01-01"
    )


def network(name: str, *, encrypted: bool, **raw: Any) -> NetworkState:
    return NetworkState(f"id-{name}", name, "overlay", "swarm", {"encrypted": ""} if encrypted else {}, {}, raw)


NODES = tuple(node(name, number) for number, name in enumerate("ABC", 1))
CLUSTER = ClusterState(
    "cluster", 1, {}, {}, 4789, (), "A", NODES,
    (network("ingress", encrypted=False, Ingress=True), network("shop_net", encrypted=True)), (), (),
    (service("shop_backend", ports=(PORT,)),), (task("shop_backend", "B"),),
)  # fmt: skip
OBSERVED = Observed({name: facts(name) for name in "ABC"}, CLUSTER)


def text_of(observed: Observed, stack: Stack | None = None, width: int = 100) -> list[str]:
    stream = io.StringIO()
    print_status(Console(file=stream, width=width), INVENTORY, observed, stack)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def with_cluster(**changes: Any) -> Observed:
    return replace(OBSERVED, cluster=replace(CLUSTER, **changes))


def test_status_shows_nodes_services_and_networks_by_the_inventorys_names() -> None:
    assert text_of(OBSERVED) == [
        "cluster lab",
        "",
        "node  role             state  address    labels  engine",
        "A     manager, leader  ready  10.88.0.1  tier=a  26.1.5",
        "B     worker           ready  10.88.0.2  tier=b  26.1.5",
        "C     worker           ready  10.88.0.3  tier=c  26.1.5",
        "",
        "service       image             tasks  on  published        state",
        "shop_backend  shop/backend:1.0  1/1    B   127.88.0.1:8080  running",
        "                                           127.88.0.2:8080",
        "                                           127.88.0.3:8080",
        "",
        "network   driver   encrypted",
        "ingress   overlay  no",
        "shop_net  overlay  yes",
    ]


def test_a_host_that_does_not_answer_is_shown_as_the_managers_know_it() -> None:
    nodes = (*NODES[:2], node("C", 3, state="down", hostname="vm-C", address="127.88.0.3"))
    seen = with_cluster(nodes=nodes, tasks=(task("shop_backend", "C"),))
    seen = replace(seen, hosts={name: facts for name, facts in seen.hosts.items() if name != "C"})
    lines = text_of(seen)
    assert [line.split()[:3] for line in lines if line.startswith("C ")] == [["C", "worker", "down"]]
    assert not [line for line in lines if "vm-C" in line]
    assert any(line.split()[:4] == ["shop_backend", "shop/backend:1.0", "1/1", "C"] for line in lines)


def test_without_a_swarm_the_hosts_are_shown_with_the_reason() -> None:
    assert text_of(Observed({}, None, "A: no leader"))[:4] == [
        "cluster lab",
        "  A: no leader",
        "",
        "node  role     state        address     labels  engine",
    ]


def test_a_failing_service_says_why_beneath_the_table() -> None:
    failed = task("shop_backend", "B", "rejected", "No such image: shop/backend")
    failed = replace(failed, spec=CLUSTER.services[0].spec["TaskTemplate"])
    lines = text_of(with_cluster(tasks=(failed,)))
    assert any(line.startswith("shop_backend") and line.endswith("failing") for line in lines)
    assert "  shop_backend: No such image: shop/backend" in lines


@pytest.mark.parametrize(
    ("state", "error", "shown"),
    [
        ("failed", "task: non-zero exit (1)", "task: non-zero exit (1)"),
        ("complete", "", "its program ended with exit code 0"),
    ],
)
def test_a_crash_loop_is_failing_while_its_next_task_starts(state: str, error: str, shown: str) -> None:
    template = dict(CLUSTER.services[0].spec["TaskTemplate"])
    ended = replace(task("shop_backend", "B", state, error), desired_state="shutdown", spec=template)
    starting = replace(task("shop_backend", "B", "ready"), created_at="2024-01-02", spec=template)
    lines = text_of(with_cluster(tasks=(ended, starting)))
    assert any(line.startswith("shop_backend") and line.endswith("failing") for line in lines)
    assert f"  shop_backend: {shown}" in lines
    older = replace(ended, spec={"ContainerSpec": {"Image": "before"}})
    assert any(line.endswith("starting") for line in text_of(with_cluster(tasks=(older, starting))))


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        (["running"], ["1/2", "(0/2", "completed)", "running"]),
        (["complete", "running"], ["1/2", "(1/2", "completed)", "B", "running"]),
        (["complete", "complete"], ["0/2", "(2/2", "completed)", "B", "x2", "completed"]),
    ],
)
def test_a_job_counts_what_has_completed(states: list[str], shown: list[str]) -> None:
    made = service("shop_job")
    mode = {"ReplicatedJob": {"TotalCompletions": 2, "MaxConcurrent": 2}}
    job = replace(made, spec={**made.spec, "Mode": mode}, iteration=1)
    tasks = [replace(task("shop_job", "B", state), desired_state="complete", iteration=1) for state in states]
    earlier = replace(task("shop_job", "C", "complete"), desired_state="complete")
    (line,) = [line for line in text_of(with_cluster(services=(job,), tasks=(*tasks, earlier))) if "shop_job" in line]
    assert line.split()[2:] == shown


def test_a_global_job_counts_as_docker_does() -> None:
    made = service("shop_job")
    job = replace(made, spec={**made.spec, "Mode": {"GlobalJob": {}}})
    states = (("A", "complete"), ("B", "complete"), ("C", "running"))
    tasks = tuple(replace(task("shop_job", *where), desired_state="complete") for where in states)
    (line,) = [line for line in text_of(with_cluster(services=(job,), tasks=tasks)) if "shop_job" in line]
    assert line.split()[2:] == ["1/1", "(2/3", "completed)", "A,", "B", "running"]


def test_a_stopped_update_is_the_services_state() -> None:
    paused = replace(service("shop_backend"), update_state="paused", update_message="task failed")
    lines = text_of(with_cluster(services=(paused,)))
    assert any(line.endswith("update paused") for line in lines)
    assert "  shop_backend: task failed" in lines


def test_declared_service_that_is_not_there_is_shown_with_what_is_left_over() -> None:
    stack = replace(STACK, services=(*STACK.services, Service("mail", "shop/mail:1.0", deploy=Deploy(replicas=2))))
    lines = text_of(with_cluster(services=(*CLUSTER.services, service("shop_old"))), stack)
    rows = [line.split()[0] for line in lines if line.startswith("shop_") and "overlay" not in line]
    assert rows == ["shop_backend", "shop_mail", "shop_old"]
    assert any(line.startswith("shop_mail") and "0/2" in line and line.endswith("not there") for line in lines)


def test_other_stacks_are_left_out_when_a_stack_is_given() -> None:
    other = replace(service("blog_web"), labels={"com.docker.stack.namespace": "blog"})
    assert "blog_web" in "\n".join(text_of(with_cluster(services=(other,))))
    assert "blog_web" not in "\n".join(text_of(with_cluster(services=(other,)), STACK))


def test_the_name_of_a_stack_alone_leaves_the_others_and_their_networks_out() -> None:
    other = replace(service("blog_web"), labels={"com.docker.stack.namespace": "blog"})
    task_of = {"Networks": [{"Target": "id-shared"}]}
    other = replace(other, spec={**other.spec, "TaskTemplate": {**other.spec["TaskTemplate"], **task_of}})
    own = replace(network("shop_net", encrypted=True), labels={"com.docker.stack.namespace": "shop"})
    seen = with_cluster(services=(*CLUSTER.services, other), networks=(own, network("shared", encrypted=True)))

    def names(only: str) -> list[list[str]]:
        shown = status_as_json(INVENTORY, seen, only=only)
        return [[row["name"] for row in shown[kind]] for kind in ("services", "networks")]

    assert names("") == [["blog_web", "shop_backend"], ["shop_net", "shared"]]
    assert names("shop") == [["shop_backend"], ["shop_net"]]
    assert names("blog") == [["blog_web"], ["shared"]]


def test_network_that_is_clear_though_declared_encrypted_says_so() -> None:
    lines = text_of(with_cluster(networks=(network("shop_net", encrypted=False),)), STACK)
    assert "shop_net  overlay  no, declared yes" in lines


def test_host_that_is_no_node_and_node_that_is_no_host_are_both_shown() -> None:
    stranger = node("X", 9, hostname="stray", id="node-X")
    lines = text_of(with_cluster(nodes=(*NODES[:2], stranger)))
    assert any(line.startswith("C ") for line in lines)
    assert any("stray (not in the inventory)" in line for line in lines)


def test_a_node_that_was_a_host_which_is_another_node_by_now_is_shown_so() -> None:
    """It was called not in the inventory, beside the host of that name."""
    earlier = replace(NODES[2], id="node-old", hostname="C", state="down")
    seen = with_cluster(nodes=(*NODES, earlier))
    assert any(line.startswith("C (what C was before)") for line in text_of(seen))
    assert [row["earlier_of"] for row in status_as_json(INVENTORY, seen, STACK)["nodes"]] == ["", "", "", "C"]


def test_a_node_whose_host_the_inventory_has_absent_is_shown_so() -> None:
    leaving = replace(INVENTORY.hosts[2], advertise_addr="10.88.0.3")
    without = replace(INVENTORY, hosts=INVENTORY.hosts[:2], leaving=(leaving,))
    seen = replace(OBSERVED, hosts={name: OBSERVED.hosts[name] for name in "AB"})
    nodes = status_as_json(without, seen, STACK)["nodes"]
    assert [(row["name"], row["in_inventory"], row["is_absent"]) for row in nodes[2:]] == [("vm-C", False, True)]
    stream = io.StringIO()
    print_status(Console(file=stream, width=100), without, seen, STACK)
    assert "vm-C (the inventory has it absent: swarmkit up)" in stream.getvalue()


def test_drained_down_and_unreachable_nodes_are_told_apart() -> None:
    nodes = (
        replace(NODES[0], is_leader=False, reachability="unreachable"),
        replace(NODES[1], availability="drain"),
        replace(NODES[2], state="down"),
    )
    lines = text_of(with_cluster(nodes=nodes))
    assert [" ".join(line.split()[1:4]) for line in lines[3:6]] == [
        "manager, unreachable ready",
        "worker ready, drain",
        "worker down 10.88.0.3",
    ]


def test_host_port_is_published_only_where_a_task_runs() -> None:
    port = {**PORT, "PublishMode": "host"}
    shown = status_as_json(INVENTORY, with_cluster(services=(service("shop_backend", ports=(port,)),)))
    assert shown["services"][0]["addresses"] == ["127.88.0.2:8080"]


def test_nothing_is_cut_off_in_80_columns() -> None:
    lines = text_of(OBSERVED, width=80)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_json_has_schema_and_all_rows() -> None:
    shown = json.loads(json.dumps(status_as_json(INVENTORY, OBSERVED, STACK)))
    assert (shown["schema"], shown["cluster"], shown["error"]) == ("swarmkit.status/1", "lab", "")
    assert [row["name"] for row in shown["nodes"]] == ["A", "B", "C"]
    assert shown["services"][0]["placement"] == {"B": 1}
    assert shown["networks"][1] == {
        "name": "shop_net",
        "driver": "overlay",
        "encrypted": True,
        "declared_encrypted": True,
    }
