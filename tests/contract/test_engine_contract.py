"""What the toolkit relies on of an engine; the fake has to keep it as real ones do."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from swarmkit.converge.service_look import look_at
from swarmkit.observed.ingress import has_ingress
from swarmkit.plan.nodes.swarm_operations import change_node
from swarmkit.reach.engine import Engine, EngineError, Json, Kind, Rotated
from swarmkit.reach.retry import wait_until
from swarmkit.secret import Secret

if TYPE_CHECKING:
    from contract.conftest import Pair


def refused(do: Callable[[], object]) -> EngineError:
    with pytest.raises(EngineError) as caught:
        do()
    return caught.value


def service(name: str, **container: object) -> Json:
    template = {"ContainerSpec": {"Image": "absent.example/none:1", **container}}
    return {"Name": name, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 0}}}


def secret(name: str) -> Json:
    return {"Name": name, "Labels": {"key": "value"}, "Data": base64.b64encode(b"content").decode()}


def test_an_engine_describes_itself_and_its_place_in_no_swarm(engines: Pair) -> None:
    info = engines.worker.info()
    assert {
        "ID",
        "ServerVersion",
        "OSType",
        "Architecture",
        "MemTotal",
        "DriverStatus",
        "SecurityOptions",
        "Swarm",
    } <= info.keys()
    assert info["OSType"] == "linux"
    assert info["LiveRestoreEnabled"] is False
    assert (info["Swarm"]["LocalNodeState"], info["Swarm"]["NodeID"]) == ("inactive", "")
    assert engines.worker.api_version >= (1, 41)


def test_an_engine_in_no_swarm_is_no_manager(engines: Pair) -> None:
    error = refused(engines.worker.swarm)
    assert error.status == 503
    assert error.message.startswith("This node is not a swarm manager")
    assert refused(lambda: engines.worker.find("nodes")).status == 503


def test_a_manager_describes_its_swarm(swarm: Pair) -> None:
    found = swarm.manager.info()["Swarm"]
    told = swarm.manager.swarm()
    assert (found["LocalNodeState"], found["ControlAvailable"], found["NodeAddr"]) == ("active", True, "10.88.0.34")
    assert found["Cluster"]["ID"] == told["ID"]
    assert (told["Spec"]["Labels"], told["DefaultAddrPool"]) == ({"made": "true"}, ["10.20.0.0/16"])
    assert set(told["JoinTokens"]) == {"Worker", "Manager"}


def test_a_second_swarm_on_one_engine_is_refused(swarm: Pair) -> None:
    error = refused(lambda: swarm.manager.init_swarm({"AdvertiseAddr": "10.88.0.34", "ListenAddr": "0.0.0.0:2377"}))
    assert error.status == 503
    assert "already part of a swarm" in error.message


def test_a_node_has_version_spec_and_state(swarm: Pair) -> None:
    (node,) = swarm.manager.find("nodes")
    assert node["Spec"]["Role"] == "manager"
    assert node["Spec"]["Availability"] == "active"
    assert node["Status"]["State"] == "ready"
    assert node["ManagerStatus"]["Reachability"] == "reachable"


def test_an_update_at_an_old_version_is_out_of_sequence(swarm: Pair) -> None:
    node = swarm.manager.inspect("nodes", swarm.manager.info()["Swarm"]["NodeID"])
    # At the newest version, whatever that is by then: a node changes by itself, too.
    change_node(swarm.manager, node["ID"], labels={"role": "front"})
    error = refused(lambda: swarm.manager.update("nodes", node["ID"], node["Version"]["Index"], node["Spec"]))
    assert "update out of sequence" in error.message
    newer = swarm.manager.inspect("nodes", node["ID"])
    assert newer["Version"]["Index"] > node["Version"]["Index"]
    assert newer["Spec"]["Labels"] == {"role": "front"}


def test_a_manager_lists_its_own_networks_last_and_makes_none_of_the_swarm_s_by_their_names(swarm: Pair) -> None:
    manager = swarm.manager
    made = [manager.create("networks", body) for body in (local_network(), {"Name": "wide_net", "Driver": "overlay"})]
    try:
        body = {"Name": "own_net", "Driver": "overlay", "CheckDuplicate": True}
        assert "already exists" in refused(lambda: manager.create("networks", body)).message
        listed = [one["Id"] for one in manager.find("networks")]
        assert listed.index(made[1]) < listed.index(made[0])
    finally:
        for identity in made:
            manager.remove("networks", identity)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("networks", {"Name": "twice", "Driver": "overlay", "CheckDuplicate": True}),
        ("secrets", secret("twice")),
        ("configs", secret("twice")),
        ("services", service("twice")),
    ],
)
def test_a_name_is_taken_once(swarm: Pair, kind: Kind, body: Json) -> None:
    identity = swarm.manager.create(kind, body)
    try:
        error = refused(lambda: swarm.manager.create(kind, body))
        assert error.status == 409
        assert "exist" in error.message
    finally:
        swarm.manager.remove(kind, identity)
    assert refused(lambda: swarm.manager.inspect(kind, identity)).status == 404


def test_an_encrypted_network_is_read_back_as_made(swarm: Pair) -> None:
    def made(name: str) -> Json:
        (found,) = [one for one in swarm.manager.find("networks", {"name": [name]}) if one["Scope"] == "swarm"]
        return found

    body = {"Name": "shop_net", "Driver": "overlay", "Options": {"encrypted": ""}, "Labels": {"a": "b"}}
    identity = swarm.manager.create("networks", body)
    try:
        # The leader gives an overlay its driver and addresses a moment after it was made.
        wait_until(lambda: made("shop_net")["Driver"], bool, timeout_seconds=10)
        found = made("shop_net")
        assert (found["Id"], found["Name"], found["Driver"]) == (identity, "shop_net", "overlay")
        assert found["Options"]["encrypted"] == ""
        assert found["Labels"] == {"a": "b"}
        assert (found["Attachable"], found["Internal"]) == (False, False)
    finally:
        swarm.manager.remove("networks", identity)


def test_what_a_service_uses_cannot_be_removed(swarm: Pair) -> None:
    manager = swarm.manager
    network = manager.create("networks", {"Name": "used_net", "Driver": "overlay"})
    held = manager.create("secrets", secret("used_secret"))
    file = {"Name": "s", "UID": "0", "GID": "0", "Mode": 0o444}
    spec = service("user", Secrets=[{"SecretID": held, "SecretName": "used_secret", "File": file}])
    spec["TaskTemplate"]["Networks"] = [{"Target": network}]
    identity = manager.create("services", spec)
    try:
        assert "is in use by service" in refused(lambda: manager.remove("networks", network)).message
        assert "is in use by the following service" in refused(lambda: manager.remove("secrets", held)).message
    finally:
        manager.remove("services", identity)
    manager.remove("secrets", held)
    manager.remove("networks", network)


def test_a_service_is_updated_as_a_whole_at_its_version(swarm: Pair) -> None:
    manager = swarm.manager
    identity = manager.create("services", service("whole", Env=["A=1"]))
    try:
        before = manager.inspect("services", identity)
        manager.update("services", identity, before["Version"]["Index"], service("whole", Env=["A=2"]))
        after = manager.inspect("services", "whole")
        assert after["ID"] == identity
        assert after["Version"]["Index"] > before["Version"]["Index"]
        assert after["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"] == ["A=2"]
        assert look_at(manager, "whole").wanted == 0
        old = before["Version"]["Index"]
        error = refused(lambda: manager.update("services", identity, old, service("whole")))
        assert "update out of sequence" in error.message
        assert "whole" in {one["Spec"]["Name"] for one in manager.find("services")}
        assert manager.find("tasks", {"service": [identity]}) == []
        assert manager.logs("services", identity, lines=5) == ""
    finally:
        manager.remove("services", identity)


def test_a_task_without_a_suitable_node_is_pending_and_says_so(swarm: Pair) -> None:
    manager = swarm.manager
    spec = service("nowhere") | {"Mode": {"Replicated": {"Replicas": 1}}}
    spec["TaskTemplate"]["Placement"] = {"Constraints": ["node.labels.absent == x"]}
    identity = manager.create("services", spec)
    try:
        tasks = wait_until(
            lambda: manager.find("tasks", {"service": [identity]}),
            lambda tasks: any(task["Status"].get("Err") for task in tasks),
            timeout_seconds=30,
        )
        assert tasks[0]["Status"]["State"] == "pending"
        assert tasks[0]["Status"]["Err"] == "no suitable node (scheduling constraints not satisfied on 1 node)"
    finally:
        manager.remove("services", identity)


def test_a_volume_lives_on_its_own_host(engines: Pair) -> None:
    label = {"label": ["owner=contract"]}
    name = engines.worker.create("volumes", {"Name": "data", "Labels": {"owner": "contract"}})
    assert [volume["Name"] for volume in engines.worker.find("volumes", label)] == [name]
    assert engines.manager.find("volumes", label) == []
    engines.worker.remove("volumes", name)
    assert refused(lambda: engines.worker.remove("volumes", name)).status == 404


def made_and_told(manager: Engine, name: str, told: threading.Event) -> bool:
    """Make a service, and tell whether that was told within a second."""
    identity = manager.create("services", service(name))
    try:
        return told.wait(1)
    finally:
        manager.remove("services", identity)


def test_changes_are_told_as_events(swarm: Pair) -> None:
    stop, told = threading.Event(), threading.Event()

    def listen() -> None:
        for event in swarm.manager.events({"type": ["service"], "event": ["create"]}, stop):
            assert (event["Type"], event["Action"]) == ("service", "create")
            told.set()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        # What was made before the listening had begun is told to nobody.
        assert any(made_and_told(swarm.manager, f"told-{number}", told) for number in range(20))
    finally:
        stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_wrong_token_joins_nobody(swarm: Pair) -> None:
    right = swarm.manager.swarm()["JoinTokens"]["Worker"]
    wrong = right[:-6] + ("aaaaaa" if not right.endswith("aaaaaa") else "bbbbbb")
    assert "join token" in refused(lambda: swarm.join(wrong)).message
    assert swarm.worker.info()["Swarm"]["LocalNodeState"] == "inactive"


def test_a_worker_joins_by_its_token_is_no_manager_and_leaves(swarm: Pair) -> None:
    swarm.join(swarm.manager.swarm()["JoinTokens"]["Worker"])
    found = swarm.worker.info()["Swarm"]
    assert (found["LocalNodeState"], found["ControlAvailable"]) == ("active", False)
    error = refused(lambda: swarm.worker.find("services"))
    assert error.status == 503
    assert "Worker nodes can't be used to view or modify cluster state" in error.message
    assert refused(lambda: swarm.manager.leave_swarm(force=False)).status == 503
    swarm.worker.leave_swarm(force=True)
    assert swarm.worker.info()["Swarm"]["LocalNodeState"] == "inactive"
    node = wait_until(
        lambda: swarm.manager.inspect("nodes", found["NodeID"]),
        lambda node: node["Status"]["State"] == "down",
        timeout_seconds=30,
    )
    assert node["Status"]["State"] == "down"


def test_a_manager_can_be_removed_by_nobody_and_a_ready_worker_by_force_only(swarm: Pair) -> None:
    swarm.join(swarm.manager.swarm()["JoinTokens"]["Worker"])
    identity = str(swarm.worker.info()["Swarm"]["NodeID"])
    own = str(swarm.manager.info()["Swarm"]["NodeID"])
    try:
        assert "must be demoted" in refused(lambda: swarm.manager.remove("nodes", own, force=True)).message
        assert "is not down" in refused(lambda: swarm.manager.remove("nodes", identity)).message
        swarm.manager.remove("nodes", identity, force=True)
        assert identity not in {node["ID"] for node in swarm.manager.find("nodes")}
    finally:
        swarm.worker.leave_swarm(force=True)


def test_the_last_manager_cannot_be_demoted_and_of_two_one_can(swarm: Pair) -> None:
    def role(identity: str, role: str) -> None:
        # A node that has just joined changes by itself.
        change_node(swarm.manager, identity, role=role)

    own = str(swarm.manager.info()["Swarm"]["NodeID"])
    assert "last manager" in refused(lambda: role(own, "worker")).message
    swarm.join(swarm.manager.swarm()["JoinTokens"]["Worker"])
    identity = str(swarm.worker.info()["Swarm"]["NodeID"])
    try:
        role(identity, "manager")
        node = wait_until(
            lambda: swarm.manager.inspect("nodes", identity),
            lambda node: (node.get("ManagerStatus") or {}).get("Reachability") == "reachable",
            timeout_seconds=60,
        )
        assert node["ManagerStatus"]["Reachability"] == "reachable"
        assert swarm.manager.find("tasks", {"node": [identity]}) == []
        role(identity, "worker")
        node = wait_until(
            lambda: swarm.manager.inspect("nodes", identity),
            lambda node: not node.get("ManagerStatus"),
            timeout_seconds=60,
        )
        assert not node.get("ManagerStatus")
    finally:
        swarm.worker.leave_swarm(force=True)


@pytest.mark.parametrize("kind", ["secrets", "configs"])
def test_of_a_secret_or_config_the_labels_change_at_its_version_and_nothing_else(swarm: Pair, kind: Kind) -> None:
    manager = swarm.manager
    content = base64.b64encode(b"lock").decode()
    identity = manager.create(kind, {"Name": "held", "Labels": {"by": "a"}, "Data": content})
    try:
        version = manager.inspect(kind, identity)["Version"]["Index"]
        manager.update(kind, identity, version, {"Name": "held", "Labels": {"by": "b"}})
        (found,) = manager.find(kind, {"name": ["held"]})
        assert found["Spec"]["Labels"] == {"by": "b"}
        late = refused(lambda: manager.update(kind, identity, version, {"Name": "held", "Labels": {"by": "c"}}))
        assert "update out of sequence" in late.message
    finally:
        manager.remove(kind, identity)


def test_tokens_and_unlock_key_are_rotated_and_told(swarm: Pair) -> None:
    manager = swarm.manager

    def update(changes: Json, *rotate: Rotated) -> None:
        told = manager.swarm()
        manager.update_swarm(told["Version"]["Index"], {**told["Spec"], **changes}, rotate=rotate)

    old = manager.swarm()["JoinTokens"]
    update({}, "WorkerToken")
    new = manager.swarm()["JoinTokens"]
    assert (new["Manager"], new["Worker"] != old["Worker"]) == (old["Manager"], True)
    assert len(manager.unlock_key()) == 0
    update({"EncryptionConfig": {"AutoLockManagers": True}})
    try:
        first = manager.unlock_key()
        assert first.text().startswith("SWMKEY-1-")
        update({}, "ManagerUnlockKey")
        assert manager.unlock_key() != first
    finally:
        update({"EncryptionConfig": {"AutoLockManagers": False}})


def test_the_root_of_trust_is_told_with_the_nodes_own(swarm: Pair) -> None:
    told = swarm.manager.swarm()
    assert told["RootRotationInProgress"] is False
    node = swarm.manager.inspect("nodes", str(swarm.manager.info()["Swarm"]["NodeID"]))
    assert node["Description"]["TLSInfo"]["TrustRoot"] == told["TLSInfo"]["TrustRoot"]


def test_what_is_not_locked_cannot_be_unlocked(swarm: Pair) -> None:
    error = refused(lambda: swarm.manager.unlock_swarm(Secret(b"SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")))
    assert "not locked" in error.message


def local_network(**ipam: object) -> Json:
    body = {"Name": "own_net", "Driver": "bridge", "Scope": "local", "CheckDuplicate": True}
    return {**body, "IPAM": {"Driver": "default", "Config": [], **ipam}}


def test_a_hosts_network_keeps_auxiliary_addresses_and_what_its_driver_was_told(engines: Pair) -> None:
    entry = {"Subnet": "10.77.0.0/24", "Gateway": "10.77.0.1", "AuxiliaryAddresses": {"router": "10.77.0.254"}}
    identity = engines.worker.create("networks", local_network(Config=[entry], Options={"team": "shop"}))
    try:
        made = engines.worker.inspect("networks", identity)
        assert (made["IPAM"]["Driver"], made["IPAM"]["Options"]) == ("default", {"team": "shop"})
        assert made["IPAM"]["Config"] == [entry]
        assert (made["Scope"], made["Containers"]) == ("local", {})
        assert made["Created"] > "20"
    finally:
        engines.worker.remove("networks", identity)
    assert identity not in {one["Id"] for one in engines.worker.find("networks")}


@pytest.mark.parametrize(
    "ipam",
    [
        {"Config": [{"Subnet": "10.77.0.0/24", "AuxiliaryAddresses": {"router": "10.78.0.9"}}]},
        {"Config": [{"Subnet": "10.77.0.0/24", "Gateway": "10.77.0.9", "AuxiliaryAddresses": {"router": "10.77.0.9"}}]},
        {"Config": [{"Subnet": "10.77.0.0/24", "AuxiliaryAddresses": {"router": "10.77.0.1"}}]},
        {"Config": [{"Subnet": "10.77.0.0/24", "AuxiliaryAddresses": {"router": "10.77.0.9", "other": "10.77.0.9"}}]},
        {"Config": [{"Subnet": "10.77.0.0/24"}], "Driver": "null"},
        {"Driver": "null"},
    ],
)
def test_a_network_whose_addresses_cannot_be_given_is_not_made(engines: Pair, ipam: Json) -> None:
    assert refused(lambda: engines.worker.create("networks", local_network(**ipam))).status >= 400
    assert "own_net" not in {one["Name"] for one in engines.worker.find("networks")}


def test_plugins_are_told_by_what_they_can(engines: Pair) -> None:
    assert engines.worker.find("plugins", {"capability": ["ipamdriver"], "enabled": ["true"]}) == []


def test_a_manager_keeps_no_auxiliary_addresses_but_what_the_driver_is_told(swarm: Pair) -> None:
    entry = {"Subnet": "10.79.0.0/24", "Gateway": "10.79.0.1"}
    ipam = {
        "Driver": "default",
        "Options": {"team": "shop"},
        "Config": [{**entry, "AuxiliaryAddresses": {"router": "10.79.0.254"}}],
    }
    identity = swarm.manager.create("networks", {"Name": "wide_net", "Driver": "overlay", "IPAM": ipam})
    try:
        made = wait_until(
            lambda: swarm.manager.inspect("networks", identity), lambda one: bool(one["Driver"]), timeout_seconds=10
        )
        assert made["IPAM"]["Config"] == [entry]
        assert made["IPAM"]["Options"]["team"] == "shop"
        assert made["Created"] > "20"
    finally:
        swarm.manager.remove("networks", identity)


def test_no_engine_takes_a_driver_of_addresses_that_is_absent_and_a_manager_no_null_either(swarm: Pair) -> None:
    def wide(driver: str) -> Json:
        return {"Name": f"{driver}_net", "Driver": "overlay", "IPAM": {"Driver": driver, "Config": []}}

    def status(engine: Engine, body: Json) -> int:
        return refused(lambda: engine.create("networks", body)).status

    bodies = (wide("null"), wide("absent"), local_network(Driver="absent"))
    # A real engine looks for a plugin of that name for a quarter of a minute: all at once.
    with ThreadPoolExecutor() as pool:
        assert all(found >= 400 for found in pool.map(status, (swarm.manager, swarm.manager, swarm.worker), bodies))
    assert "own_net" not in {one["Name"] for one in swarm.worker.find("networks")}


def test_a_swarm_has_one_ingress_network_which_is_for_published_ports_alone(swarm: Pair) -> None:
    manager = swarm.manager
    mesh: Json = {"Name": "mesh", "Driver": "overlay", "Scope": "swarm", "Ingress": True}

    def ingress() -> list[str]:
        return [one["Name"] for one in manager.find("networks") if one.get("Ingress")]

    assert ingress() == ["ingress"]
    assert "already present" in refused(lambda: manager.create("networks", mesh)).message
    assert "cannot be attachable" in refused(lambda: manager.create("networks", {**mesh, "Attachable": True})).message
    published = {**service("front"), "EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": 8099}]}}
    identity = manager.create("services", published)
    try:
        assert "depends on it" in refused(lambda: manager.remove("networks", "ingress")).message
    finally:
        manager.remove("services", identity)


def test_nodes_take_another_ingress_up_when_they_are_updated_and_not_before(swarm: Pair) -> None:
    manager, worker = swarm.manager, swarm.worker
    swarm.join(manager.swarm()["JoinTokens"]["Worker"])
    both = {"manager": manager, "worker": worker}

    def ends(identity: str) -> list[str]:
        return [name for name, engine in both.items() if has_ingress(engine, identity)]

    def come_to(expected: list[str], identity: str, *, timeout_seconds: float = 30) -> list[str]:
        return wait_until(lambda: ends(identity), lambda found: found == expected, timeout_seconds=timeout_seconds)

    try:
        (old,) = (one["Id"] for one in manager.find("networks") if one.get("Ingress"))
        assert come_to(["manager", "worker"], old) == ["manager", "worker"]
        manager.remove("networks", old)
        assert come_to([], old) == []
        new = manager.create("networks", {"Name": "ingress", "Driver": "overlay", "Scope": "swarm", "Ingress": True})
        assert come_to(["manager", "worker"], new, timeout_seconds=1) == []
        joined = worker.info()["Swarm"]["NodeID"]
        for node in (joined, manager.info()["Swarm"]["NodeID"]):
            change_node(manager, node)
            told = ["worker"] if node == joined else ["manager", "worker"]
            assert come_to(told, new) == told
    finally:
        worker.leave_swarm(force=True)


def test_a_forced_new_cluster_rotates_the_ca_where_it_names_another_number_of_rotations(swarm: Pair) -> None:
    manager = swarm.manager

    def force(rotations: int) -> None:
        body = {"ForceNewCluster": True, "AdvertiseAddr": "10.88.0.34", "ListenAddr": "0.0.0.0:2377"}
        manager.init_swarm({**body, "Spec": {"CAConfig": {"ForceRotate": rotations}}})

    def settled_root(before: str = "") -> str:
        told = wait_until(
            manager.swarm,
            lambda told: not told["RootRotationInProgress"] and told["TLSInfo"]["TrustRoot"] != before,
            timeout_seconds=60,
            retry_on=(EngineError,),
        )
        assert not told["RootRotationInProgress"]
        return str(told["TLSInfo"]["TrustRoot"])

    # A rotation ends when every node of the swarm has a certificate of the new root.
    own = manager.info()["Swarm"]["NodeID"]
    for node in manager.find("nodes"):
        if node["ID"] != own:
            manager.remove("nodes", node["ID"], force=True)
    told = manager.swarm()
    config = {**(told["Spec"].get("CAConfig") or {}), "ForceRotate": 1}
    manager.update_swarm(told["Version"]["Index"], {**told["Spec"], "CAConfig": config})
    rotated = settled_root(told["TLSInfo"]["TrustRoot"])
    assert rotated != told["TLSInfo"]["TrustRoot"]
    force(1)
    assert settled_root() == rotated
    force(0)
    assert settled_root(rotated) != rotated
