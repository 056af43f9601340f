"""Declared against live: what was changed by hand on fake hosts is found, and what is kept on purpose is not."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.running import run_once
from fakes.swarm import FakeFleet, fake_fleet
from verify_world import CERTIFICATE, World, certificate

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import FileReference, Network, SecretFile, Service, ServiceNetwork, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.reach.lock import LOCK_NAME, Holder
from swarmkit.secret import Secret
from swarmkit.verify.probe.look import HostLook, ServiceContainer
from swarmkit.verify.prove import prove
from swarmkit.verify.state.certificates import prove_certificates
from swarmkit.verify.state.comparison import compare, prove_as_declared
from swarmkit.verify.state.leftovers import Remains
from swarmkit.verify.state.nodes import prove_quorum

INVENTORY = Inventory(Path("inventory.yaml"), "prod", (Host("A", "10.88.0.11", "manager"),))
LABEL = {"com.docker.stack.namespace": "s"}


def declared(password: bytes = b"one", **changes: Any) -> Declared:
    web = Service(
        "web", "r.example/web:1", secrets=(FileReference("p", "p"),), networks=(ServiceNetwork("inner"),), **changes
    )
    secrets = (SecretFile("p", "s_p", Secret(password)),)
    networks = (Network("inner", "s_inner", driver_options={"encrypted": ""}),)
    return Declared(INVENTORY, Stack(Path("stack.yaml"), "s", (web,), networks=networks, secrets=secrets))


@pytest.fixture
def made() -> FakeFleet:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, declared())
    return fleet


def seen(fleet: FakeFleet) -> tuple[Observed, ClusterState]:
    observed = observe(fleet, kernel="never")
    assert observed.cluster
    return observed, observed.cluster


def deviations(fleet: FakeFleet, wanted: Declared | None = None) -> list[Finding]:
    wanted, observed = wanted or declared(), seen(fleet)[0]
    return [f for f in prove_as_declared(wanted, observed, compare(wanted, observed)) if f.severity != "ok"]


def leftovers(fleet: FakeFleet, wanted: Declared | None = None, look: HostLook | None = None) -> list[str]:
    wanted, (observed, cluster) = wanted or declared(), seen(fleet)
    looks = {"A": look} if look else {}
    found = Remains(wanted.stack, observed, cluster, compare(wanted, observed), looks).findings()
    assert all(f.remedy for f in found if f.severity != "ok")
    return [f.what for f in found if f.severity != "ok"]


def change_service(fleet: FakeFleet, **spec: Any) -> None:
    (live,) = fleet.engine("A").find("services")
    fleet.engine("A").update("services", live["ID"], live["Version"]["Index"], live["Spec"] | spec)


def test_what_up_has_made_is_as_declared_and_nothing_is_left_over(made: FakeFleet) -> None:
    assert deviations(made) == []
    assert leftovers(made) == []


def test_a_service_that_was_scaled_by_hand_is_told_field_by_field(made: FakeFleet) -> None:
    change_service(made, Mode={"Replicated": {"Replicas": 3}})
    (found,) = deviations(made)
    assert (found.code, found.severity, found.where) == ("V20", "error", "s_web")
    assert found.evidence == "Mode.Replicated.Replicas: live 3, declared 1"
    assert found.remedy == "swarmkit up"
    assert leftovers(made) == []


def test_new_content_of_a_secret_is_a_deviation_of_secret_and_service(made: FakeFleet) -> None:
    wanted = declared(b"two")
    assert [f.what.split(" is ")[0].split("-")[0] for f in deviations(made, wanted)] == ["secret s_p", "service s_web"]
    assert leftovers(made, wanted) == []


def test_what_rollback_keeps_is_no_leftover_after_a_change_and_a_change_by_hand(made: FakeFleet) -> None:
    run_once(made, declared(b"two"))
    run_once(made, declared(b"two"))
    assert len(made.engine("A").find("secrets")) == 2
    assert leftovers(made, declared(b"two")) == []
    change_service(made, Mode={"Replicated": {"Replicas": 3}})
    assert leftovers(made, declared(b"two")) == []


def test_a_network_with_other_options_does_not_hide_what_else_is_not_as_declared(made: FakeFleet) -> None:
    change_service(made, Mode={"Replicated": {"Replicas": 3}})
    wanted = declared()
    assert wanted.stack
    networks = (replace(wanted.stack.networks[0], attachable=True),)
    found = deviations(made, replace(wanted, stack=replace(wanted.stack, networks=networks)))
    assert [f.where for f in found] == ["s_inner", "s_web"]
    assert "B45" in found[0].evidence
    assert "swarmkit up --recreate-networks" in found[0].remedy


def test_objects_that_nothing_declares_and_nobody_uses_are_left_over(made: FakeFleet) -> None:
    engine = made.engine("A")
    engine.create("networks", {"Name": "s_old", "Driver": "overlay", "Labels": LABEL, "Options": {}})
    engine.create("secrets", {"Name": "s_old", "Labels": LABEL, "Data": "eA=="})
    engine.create("configs", {"Name": "gone_c", "Labels": {"com.docker.stack.namespace": "gone"}, "Data": "eA=="})
    engine.create("configs", {"Name": "theirs", "Data": "eA=="})
    assert leftovers(made) == [
        "secret s_old is left over: no longer in the stack file",
        "network s_old is left over: no longer in the stack file",
        "config gone_c of the stack gone is used by no service",
    ]
    assert leftovers(made, Declared(INVENTORY)) == ["config gone_c of the stack gone is used by no service"]


def test_a_service_that_the_file_has_not_is_left_over_and_pruned_by_up(made: FakeFleet) -> None:
    wanted = declared()
    assert wanted.stack
    other = Service("other", "r.example/other:1", networks=(ServiceNetwork("inner"),))
    stack = replace(wanted.stack, services=(other,), secrets=())
    found = leftovers(made, replace(wanted, stack=stack))
    assert "service s_web is left over: no longer in the stack file" in found


def test_containers_of_no_service_and_volumes_of_no_declaration_are_left_over(made: FakeFleet) -> None:
    (service,) = made.engine("A").find("services")
    containers = (
        ServiceContainer("c1", "s_web.1.x", service["ID"], "s_web"),
        ServiceContainer("c2", "s_old.1.x", "no-more", "s_old"),
    )
    look = HostLook({}, {}, {}, containers=containers, volumes={"s_data": "s", "other_data": "other"})
    assert leftovers(made, look=look) == [
        "container s_old.1.x runs on A, and its service s_old is no more",
        "volume s_data of the stack s is on A and not in the stack file",
    ]


BY_HAND = {"Id": "handid", "Name": "by-hand", "Driver": "overlay", "Scope": "swarm", "Options": {}}


def unused(world: World) -> list[str]:
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    return [f.where for f in found if f.code == "V23" and f.severity == "warning"]


def test_an_overlay_that_was_made_by_hand_and_that_nothing_is_on_is_told_and_not_called_a_stack_s() -> None:
    world = World()
    world.networks.append(BY_HAND)
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    (told,) = (f for f in found if f.code == "V23")
    assert (told.severity, told.where) == ("warning", "by-hand")
    assert told.what == "nothing is on the overlay network by-hand, which is of no stack"
    assert told.remedy == "only if nobody means to use it: on A: docker network rm by-hand"


def test_ingress_and_networks_of_one_host_are_no_overlay_of_nobody() -> None:
    world = World()
    world.networks.append({"Id": "gw", "Name": "docker_gwbridge", "Driver": "bridge", "Scope": "local", "Options": {}})
    assert unused(world) == []


@pytest.mark.parametrize("endpoint", [("by-hand", "handid"), ("by-hand", "")], ids=["has-run", "never-ran"])
def test_an_attachable_overlay_with_a_stopped_container_on_any_host_is_used(endpoint: tuple[str, str]) -> None:
    world = World()
    world.networks.append(BY_HAND | {"Attachable": True})
    assert unused(world) == ["by-hand"]
    name, identity = endpoint
    settings = {"Networks": {name: {"NetworkID": identity}}}
    world.containers["C"] = [{"Id": "c", "Names": ["/c"], "State": "exited", "NetworkSettings": settings}]
    assert unused(world) == []


def test_an_attachable_overlay_with_a_container_that_runs_on_any_node_is_used() -> None:
    world = World()
    world.networks.append(BY_HAND | {"Attachable": True})
    attached = {"Network": {"ID": "handid"}, "Addresses": ["10.0.9.2/24"]}
    task = {"ID": "t-a", "NodeID": "node-D", "DesiredState": "running", "NetworksAttachments": [attached]}
    world.tasks.append(task | {"Status": {"State": "running"}})
    assert unused(world) == []
    world.tasks[-1]["Status"]["State"] = "shutdown"
    assert unused(world) == ["by-hand"]


def test_of_an_attachable_overlay_nothing_is_said_while_a_node_could_not_be_looked_at() -> None:
    world = World()
    world.networks += [BY_HAND | {"Attachable": True}, BY_HAND | {"Id": "other", "Name": "not-attachable"}]
    world.shells["C"].error = SwarmkitError("connection lost")
    assert unused(world) == ["not-attachable"]


def test_an_earlier_node_of_a_host_is_told_from_a_stranger() -> None:
    world = World()
    world.nodes.append(world.nodes[2] | {"ID": "old", "Status": {"State": "down", "Addr": "10.88.0.13"}})
    world.nodes.append(world.nodes[2] | {"ID": "new", "Description": {"Hostname": "D"}})
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    told = {f.where: (f.what, f.remedy) for f in found if f.code == "V23"}
    assert told["C"] == ("an earlier node of C is still listed as down", "on A: docker node rm old")
    assert told["D"][0] == "node D is ready and is no host of the inventory"


def test_the_node_of_a_host_that_was_wiped_is_no_stranger_to_be_removed() -> None:
    """It was to be removed with ``up --remove-nodes``, or its host, which is there, to be added to the inventory."""
    world = World()
    world.nodes[2]["Status"]["State"] = "down"
    hosts = dict(world.observed.hosts)
    hosts["C"] = replace(hosts["C"], engine=replace(hosts["C"].engine, swarm_state="inactive", node_id=""))
    found = prove(world.fleet, world.inventory, None, replace(world.observed, hosts=hosts)).findings
    (told,) = (one for one in found if one.code == "V23" and one.severity == "warning")
    assert (told.where, told.what) == ("C", "node C was C, which is in no swarm any more")
    assert told.remedy == "let it take its place again: swarmkit node replace C"
    (error,) = (one for one in found if (one.code, one.where) == ("V01", "C"))
    assert error.remedy == told.remedy, "up was told, which leaves the entry"


def test_a_host_that_was_never_a_node_is_joined_by_up() -> None:
    world = World()
    observed, host = world.observed, world.observed.hosts["C"]
    assert observed.cluster
    cluster = replace(observed.cluster, nodes=observed.cluster.nodes[:2])
    hosts = {**observed.hosts, "C": replace(host, engine=replace(host.engine, swarm_state="inactive", node_id=""))}
    found = prove(world.fleet, world.inventory, None, replace(observed, cluster=cluster, hosts=hosts)).findings
    (error,) = (one for one in found if (one.code, one.where) == ("V01", "C"))
    assert error.remedy == "join it: swarmkit up"


@pytest.mark.parametrize(("pid", "said"), [(0, 0), (2**22 - 1, 1)])
def test_the_lock_of_a_run_that_is_known_dead_is_left_over(made: FakeFleet, pid: int, said: int) -> None:
    labels = replace(Holder.of_this_process("up"), pid=pid or Holder.of_this_process("up").pid).labels(1)
    made.engine("A").create("configs", {"Name": LOCK_NAME, "Labels": labels, "Data": "eA=="})
    assert len(leftovers(made)) == said


def test_managers_that_lock_are_declared_and_do_not(made: FakeFleet) -> None:
    wanted = replace(declared(), inventory=replace(INVENTORY, autolock=True))
    assert [f.remedy for f in deviations(made, wanted)] == ["swarmkit autolock on --store FOLDER"]


def test_a_wiped_manager_whose_host_is_in_no_swarm_is_not_brought_back_by_a_start_of_its_engine() -> None:
    world = World()
    for node in world.nodes:
        node["Spec"]["Role"] = "manager"
        node["ManagerStatus"] = {"Reachability": "reachable", "Leader": node["ID"] == "node-A"}
    world.nodes[2]["ManagerStatus"]["Reachability"] = "unreachable"
    wiped = replace(world.observed.hosts["C"], engine=replace(world.observed.hosts["C"].engine, swarm_state="inactive"))
    observed = replace(world.observed, hosts={**world.observed.hosts, "C": wiped})
    assert observed.cluster
    assert "systemctl start docker" in prove_quorum(observed.cluster, world.observed).remedy
    assert prove_quorum(observed.cluster, observed).remedy.endswith(": swarmkit node replace C")


@pytest.mark.parametrize(
    ("reachability", "severity", "what"),
    [
        (("reachable", "reachable", "reachable"), "ok", "all 3 managers answer: 1 more may be lost"),
        (("reachable", "unreachable", "reachable"), "warning", "B of 3 managers cannot be reached: none may be lost"),
    ],
)
def test_the_quorum_is_told_with_its_margin(reachability: tuple[str, ...], severity: str, what: str) -> None:
    world = World()
    for node, said in zip(world.nodes, reachability, strict=True):
        node["Spec"]["Role"] = "manager"
        node["ManagerStatus"] = {"Reachability": said, "Leader": node["ID"] == "node-A"}
    cluster = world.observed.cluster
    assert cluster
    found = prove_quorum(cluster, world.observed)
    assert (found.severity, found.what) == (severity, what)


def test_a_wiped_manager_for_which_its_successor_answers_is_no_manager_that_answers() -> None:
    world = World()
    for node in world.nodes:
        node["Spec"]["Role"] = "manager"
        node["ManagerStatus"] = {"Reachability": "reachable", "Leader": node["ID"] == "node-A"}
    world.nodes.append(world.nodes[2] | {"ID": "old", "Status": {"State": "down", "Addr": "10.88.0.13"}})
    cluster = world.observed.cluster
    assert cluster
    found = prove_quorum(cluster, world.observed)
    assert (found.severity, found.what) == ("warning", "C of 4 managers cannot be reached: none may be lost")
    assert found.remedy == "its host has joined anew: swarmkit node replace C"
    # One that is only down as a worker, at an address that is its own, still votes.
    world.nodes[-1]["Status"]["Addr"] = "10.88.0.99"
    cluster = world.observed.cluster
    assert cluster
    assert prove_quorum(cluster, world.observed).severity == "ok"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (CERTIFICATE, "ok"),
        (certificate(days_before=85, days_after=5), "warning"),
        (certificate(days_before=91, days_after=-1), "error"),
        ("", "warning"),
    ],
    # Workers that collect the tests side by side have to find the same names.
    ids=["long", "days", "over", "unread"],
)
def test_a_certificate_that_ends_or_has_ended_is_found(text: str, severity: str) -> None:
    looks = {"B": HostLook({}, {}, {}, certificate=text)}
    (found,) = prove_certificates(looks, World().observed, datetime.datetime.now(tz=datetime.UTC))
    assert (found.code, found.where, found.severity) == ("V22", "B", severity)


def test_tasks_that_run_different_images_under_one_tag_are_a_warning_but_for_another_architecture() -> None:
    world = World()
    world.tasks.append(world.tasks[0] | {"ID": "t-2", "NodeID": "node-B", "Status": _running("c-shop_backend")})
    found = {f.where: f for f in prove(world.fleet, world.inventory, None, world.observed).findings if f.code == "V25"}
    assert found["shop_frontend"].severity == "warning"
    assert "sha256:shop_frontend on A; sha256:shop_backend on B" in found["shop_frontend"].evidence
    assert found["shop_database"].severity == "ok"
    observed = world.observed
    other = replace(observed.hosts["B"], engine=replace(observed.hosts["B"].engine, architecture="aarch64"))
    mixed = replace(observed, hosts={**observed.hosts, "B": other})
    found = {f.where: f for f in prove(world.fleet, world.inventory, None, mixed).findings if f.code == "V25"}
    assert found["shop_frontend"].severity == "ok"


def test_a_task_that_runs_another_image_than_the_id_of_its_spec_is_an_error() -> None:
    world = World()
    for part in (world.services[0]["Spec"]["TaskTemplate"], world.tasks[0]["Spec"]):
        part["ContainerSpec"] = {"Image": "sha256:shop_frontend"}
    world.images["shop_frontend"] = "sha256:other"
    found = {f.where: f for f in prove(world.fleet, world.inventory, None, world.observed).findings if f.code == "V25"}
    assert found["shop_frontend"].severity == "error"


RIGHT, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


@pytest.mark.parametrize(
    ("image", "names", "severity"),
    [
        ("sha256:shop_frontend", [f"r.example/web@{OTHER}", f"mirror.example/web@{RIGHT}"], "ok"),
        ("sha256:shop_frontend", [f"r.example/web@{OTHER}"], "error"),
        ("sha256:shop_frontend", [], "warning"),
        (RIGHT, [], "ok"),
    ],
    ids=["named", "other", "unnamed", "by-digest-alone"],
)
def test_a_task_of_a_spec_with_a_digest_has_to_run_the_image_of_that_digest(
    image: str, names: list[str], severity: str
) -> None:
    """One image on all hosts is no proof: all of them may run another."""
    world = World()
    for part in (world.services[0]["Spec"]["TaskTemplate"], world.tasks[0]["Spec"]):
        part["ContainerSpec"] = {"Image": f"r.example/web:1@{RIGHT}"}
    world.images["shop_frontend"], world.digests[image] = image, names
    found = {f.where: f for f in prove(world.fleet, world.inventory, None, world.observed).findings if f.code == "V25"}
    assert found["shop_frontend"].severity == severity
    if severity == "error":
        assert found["shop_frontend"].evidence == f"{image} on A, known as r.example/web@{OTHER}"
    assert found["shop_database"].severity == "ok"


def _running(container: str) -> dict[str, Any]:
    return {"State": "running", "ContainerStatus": {"ContainerID": container}}


@pytest.mark.parametrize(
    ("state", "severity"), [("paused", "error"), ("rollback_paused", "error"), ("updating", "warning")]
)
def test_an_update_that_stopped_is_an_error_and_one_under_way_a_warning(state: str, severity: str) -> None:
    world = World()
    world.services[0]["UpdateStatus"] = {"State": state, "Message": "m"}
    found = [f for f in prove(world.fleet, world.inventory, None, world.observed).findings if f.code == "V03"]
    assert [f.severity for f in found] == [severity]
