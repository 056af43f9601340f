"""Real drift is told, what the engine fills in is not."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmkit.declared.stack.service import (
    Deploy,
    FileReference,
    HealthCheck,
    Mount,
    Network,
    Port,
    Resources,
    RestartPolicy,
    SecretFile,
    Service,
    ServiceNetwork,
    Stack,
    Ulimit,
    UpdateConfig,
    Volume,
)
from swarmkit.plan.stacks.spec import network_spec, service_spec
from swarmkit.plan.stacks.spec_diff import Change, carry_over, network_changes, spec_changes, with_names

STACK = Stack(
    source=Path("stack.yaml"),
    name="s",
    services=(),
    networks=(Network("n", "s_n"), Network("m", "s_m")),
    secrets=(SecretFile("p", "s_p"), SecretFile("q", "s_q")),
    volumes=(Volume("v", "s_v"), Volume("w", "w", external=True)),
)
BASE = Service("a", "i:1", networks=(ServiceNetwork("n"),), environment={"A": "1", "B": ""})


def spec(service: Service = BASE) -> dict[str, Any]:
    return service_spec(STACK, service, images={}, api_version=(1, 45))


def as_the_engine_returns_it(spec: dict[str, Any]) -> dict[str, Any]:
    """Do what moby's convert does on the way in and out: enums get names, empty messages appear, order changes."""
    observed: dict[str, Any] = json.loads(json.dumps(spec))
    task, container = observed["TaskTemplate"], observed["TaskTemplate"]["ContainerSpec"]
    container |= {"Isolation": "default", "DNSConfig": {}, "Dir": container.get("Dir", "")}
    container["Privileges"] = {"CredentialSpec": None, "SELinuxContext": None, "NoNewPrivileges": False}
    task |= {"ForceUpdate": 3, "Runtime": "container"}
    task["Placement"] = {**task.get("Placement", {}), "Platforms": [{"Architecture": "amd64", "OS": "linux"}]}
    task.setdefault("Resources", {})
    if "RestartPolicy" in task:
        task["RestartPolicy"] = {"Condition": "any", "MaxAttempts": 0} | task["RestartPolicy"]
    for key in ("UpdateConfig", "RollbackConfig"):
        if key in observed:
            filled = {"FailureAction": "pause", "MaxFailureRatio": 0, "Order": "stop-first"}
            observed[key] = filled | {
                name: value for name, value in observed[key].items() if value != 0 or name == "Parallelism"
            }
    for keyed in ("Env", "Mounts", "Secrets", "Ulimits"):
        container[keyed] = container.get(keyed, [])[::-1]
    for secret in container["Secrets"]:
        secret["SecretID"] = "id"
    task["Networks"] = task.get("Networks", [])[::-1]
    observed["EndpointSpec"]["Ports"] = observed["EndpointSpec"].get("Ports", [])[::-1]
    return observed


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


COUNTS = st.integers(0, 5)
TIMES = st.integers(0, 10**11)
WORDS = st.text(st.sampled_from('abc=/ "é'), min_size=1, max_size=5)
MAPS = st.dictionaries(WORDS.map(lambda word: word.replace("=", "_")), st.text(max_size=4), max_size=3)
AMOUNTS = st.builds(Resources, some(st.integers(1, 10**10)), some(st.integers(1, 10**10)), some(st.integers(1, 99)))
UPDATES = st.builds(
    UpdateConfig,
    some(COUNTS),
    some(TIMES),
    some(st.sampled_from(["continue", "pause", "rollback"])),
    some(TIMES),
    some(st.floats(0, 1, width=32)),
    some(st.sampled_from(["stop-first", "start-first"])),
)
RESTARTS = st.builds(
    RestartPolicy, some(st.sampled_from(["none", "on-failure", "any"])), some(TIMES), some(COUNTS), some(TIMES)
)
DEPLOYS = st.builds(
    Deploy,
    mode=st.sampled_from(["replicated", "global"]),
    replicas=COUNTS,
    labels=MAPS,
    constraints=st.sampled_from([(), ("node.role == manager",), ("node.labels.b==1", "node.labels.a != 2")]),
    spread=st.sampled_from([(), ("node.labels.z", "node.labels.y")]),
    max_replicas_per_node=some(st.integers(1, 3)),
    limits=AMOUNTS,
    reservations=AMOUNTS,
    restart_policy=some(RESTARTS),
    update_config=some(UPDATES),
    rollback_config=some(UPDATES),
    endpoint_mode=st.sampled_from([None, "vip", "dnsrr"]),
)
CHECKS = st.builds(HealthCheck, st.lists(WORDS, max_size=3).map(tuple), *[some(TIMES)] * 4, retries=some(COUNTS))
MOUNTS = st.lists(
    st.builds(
        Mount, st.sampled_from(["volume", "bind", "tmpfs"]), WORDS, st.sampled_from([None, "v", "w"]), st.booleans()
    ),
    max_size=3,
    unique_by=lambda mount: mount.target,
).map(tuple)
SERVICES = st.builds(
    Service,
    name=st.just("a"),
    image=st.just("i:1"),
    command=some(st.lists(st.text(max_size=3), max_size=3).map(tuple)),
    environment=st.dictionaries(WORDS.map(lambda word: word.replace("=", "_")), some(st.text(max_size=4)), max_size=3),
    hostname=some(WORDS),
    labels=MAPS,
    health_check=some(CHECKS),
    networks=st.sampled_from([(ServiceNetwork("n"),), (ServiceNetwork("m", ("z", "b")), ServiceNetwork("n"))]),
    ports=st.lists(
        st.builds(
            Port,
            st.integers(1, 9),
            some(st.integers(1, 9)),
            st.sampled_from(["tcp", "udp"]),
            st.sampled_from(["ingress", "host"]),
        ),
        max_size=4,
        unique_by=lambda port: (port.target, port.published, port.protocol),
    ).map(tuple),
    mounts=MOUNTS,
    secrets=st.sampled_from([(), (FileReference("p", "p"), FileReference("q", "x", mode=0))]),
    read_only=st.booleans(),
    init=some(st.booleans()),
    cap_add=st.sampled_from([(), ("chown", "SYS_TIME")]),
    ulimits=st.sampled_from([(), (Ulimit("nofile", 0, 5), Ulimit("core", 0, 0))]),
    sysctls=MAPS,
    stop_grace_period_nanoseconds=some(TIMES),
    deploy=DEPLOYS,
)


@settings(max_examples=60, deadline=None)
@given(service=SERVICES)
def test_what_was_declared_and_read_back_is_no_change(service: Service) -> None:
    assert spec_changes(spec(service), as_the_engine_returns_it(spec(service))) == ()


@settings(max_examples=60, deadline=None)
@given(one=SERVICES, other=SERVICES)
def test_two_services_that_differ_are_told_apart_both_ways(one: Service, other: Service) -> None:
    forth = spec_changes(spec(one), as_the_engine_returns_it(spec(other)))
    back = spec_changes(spec(other), as_the_engine_returns_it(spec(one)))
    assert {change.path for change in forth} == {change.path for change in back}
    if one.deploy.replicas != other.deploy.replicas and {one.deploy.mode, other.deploy.mode} == {"replicated"}:
        assert "Mode.Replicated.Replicas" in {change.path for change in forth}


HEALTHY = replace(BASE, health_check=HealthCheck(("CMD", "x"), retries=3))
IN = "TaskTemplate.ContainerSpec."


@pytest.mark.parametrize(
    ("declared", "observed", "changes"),
    [
        (
            BASE,
            replace(BASE, image="i:0"),
            [("Labels.com.docker.stack.image", "i:0", "i:1"), (IN + "Image", "i:0", "i:1")],
        ),
        (BASE, replace(BASE, environment={"A": "1"}), [(IN + "Env.B", "", '""')]),
        (BASE, replace(BASE, environment={"A": "1", "B": '""'}), [(IN + "Env.B", '""', '""')]),
        (BASE, replace(BASE, environment={"A": "1", "B": "", "C": "x"}), [(IN + "Env.C", "x", "")]),
        (BASE, replace(BASE, deploy=Deploy(replicas=0)), [("Mode.Replicated.Replicas", "0", "1")]),
        (BASE, replace(BASE, init=False), [(IN + "Init", "false", "")]),
        (BASE, replace(BASE, labels={"x": ""}), [(IN + "Labels.x", '""', "")]),
        (BASE, HEALTHY, [(IN + "Healthcheck.Retries", "3", ""), (IN + "Healthcheck.Test", '["CMD", "x"]', "")]),
        (BASE, replace(BASE, command=("a", "b")), [(IN + "Args", '["a", "b"]', "")]),
        (
            BASE,
            replace(BASE, deploy=Deploy(limits=Resources(memory_bytes=5))),
            [("TaskTemplate.Resources.Limits.MemoryBytes", "5", "")],
        ),
        (
            BASE,
            replace(BASE, deploy=Deploy(restart_policy=RestartPolicy("none", 0))),
            [
                ("TaskTemplate.RestartPolicy.Condition", "none", "any"),
                ("TaskTemplate.RestartPolicy.Delay", "0", "5000000000"),
            ],
        ),
        (
            BASE,
            replace(BASE, deploy=Deploy(update_config=UpdateConfig(parallelism=0, order="start-first"))),
            [("UpdateConfig.Order", "start-first", "stop-first"), ("UpdateConfig.Parallelism", "0", "1")],
        ),
        (
            BASE,
            replace(BASE, deploy=Deploy(constraints=("node.role == manager",))),
            [("TaskTemplate.Placement.Constraints", '["node.role == manager"]', "")],
        ),
        (BASE, replace(BASE, ports=(Port(80, 8080),)), [("EndpointSpec.Ports.8080:80/tcp.PublishMode", "ingress", "")]),
        (
            BASE,
            replace(BASE, networks=(ServiceNetwork("n", ("x",)),)),
            [("TaskTemplate.Networks.s_n.Aliases", '["a", "x"]', '["a"]')],
        ),
        (
            replace(BASE, mounts=(Mount("volume", "/d", "v"),)),
            replace(BASE, mounts=(Mount("volume", "/d", "v", read_only=True),)),
            [(IN + "Mounts./d.ReadOnly", "true", "")],
        ),
    ],
)
def test_real_drift_is_told(declared: Service, observed: Service, changes: list[tuple[str, str, str]]) -> None:
    found = spec_changes(spec(declared), as_the_engine_returns_it(spec(observed)))
    assert [(change.path, change.old, change.new) for change in found] == changes


def test_a_setting_that_only_the_engine_has_is_told() -> None:
    observed = as_the_engine_returns_it(spec())
    observed["TaskTemplate"]["LogDriver"] = {"Name": "none"}
    observed["TaskTemplate"]["ContainerSpec"]["Hosts"] = ["10.0.0.1 x"]
    paths = [change.path for change in spec_changes(spec(), observed)]
    assert paths == [IN + "Hosts", "TaskTemplate.LogDriver.Name"]


def test_values_named_like_secrets_are_not_shown() -> None:
    one, other = (replace(BASE, environment={"DB_PASSWORD": value, "PW_FILE": value}) for value in ("a", "b"))
    assert spec_changes(spec(one), spec(other)) == (
        Change(IN + "Env.DB_PASSWORD", "[redacted]", "[redacted]"),
        Change(IN + "Env.PW_FILE", "b", "a"),
    )


def test_a_forced_update_is_carried_over_and_no_change() -> None:
    observed = as_the_engine_returns_it(spec())
    declared = spec()
    carried = carry_over(declared, observed)
    assert carried["TaskTemplate"]["ForceUpdate"] == 3
    assert "ForceUpdate" not in declared["TaskTemplate"]
    assert spec_changes(carried, observed) == ()


def test_ids_of_networks_become_names_also_in_the_old_place() -> None:
    observed = copy.deepcopy(spec())
    observed["TaskTemplate"]["Networks"][0]["Target"] = "id1"
    assert spec_changes(spec(), with_names(observed, {"id1": "s_n"})) == ()
    observed["Networks"] = observed["TaskTemplate"].pop("Networks")
    assert spec_changes(spec(), with_names(observed, {"id1": "s_n"})) == ()
    assert spec_changes(spec(), observed) != ()


OBSERVED_NETWORK = {
    "Name": "s_n",
    "Driver": "overlay",
    "Attachable": False,
    "Internal": False,
    "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097", "encrypted": ""},
    "IPAM": {"Driver": "default", "Options": None, "Config": [{"Subnet": "10.20.1.0/24", "Gateway": "10.20.1.1"}]},
}


def network_paths(network: Network, *, encrypted: bool = True, **observed: Any) -> list[str]:
    declared = network_spec(STACK, network, encrypted=encrypted)
    return [change.path for change in network_changes(declared, {**OBSERVED_NETWORK, **observed})]


def test_an_existing_network_is_compared_by_what_was_declared() -> None:
    assert network_paths(Network("n", "s_n")) == []
    assert network_paths(Network("n", "s_n", subnets=("10.20.1.0/24",))) == []
    assert network_paths(Network("n", "s_n", subnets=("10.20.2.0/24",))) == ["IPAM.Config"]
    assert network_paths(Network("n", "s_n", attachable=True, internal=True)) == ["Attachable", "Internal"]
    mtu = {"com.docker.network.driver.mtu": "1400"}
    assert network_paths(Network("n", "s_n", driver_options=mtu)) == ["Options.com.docker.network.driver.mtu"]
    assert network_paths(Network("n", "s_n"), Options={"encrypted": "", **mtu}) == [f"Options.{key}" for key in mtu]
    assert network_paths(Network("n", "s_n"), EnableIPv6=True) == ["EnableIPv6"]
    assert network_paths(Network("n", "s_n"), Driver="macvlan") == ["Driver"]


def test_another_driver_of_addresses_is_a_difference_where_the_managers_tell_one() -> None:
    ours = {"IPAM": {**OBSERVED_NETWORK["IPAM"], "Driver": "infoblox"}}  # type: ignore[dict-item]
    assert network_paths(Network("n", "s_n", ipam_driver="infoblox")) == ["IPAM.Driver"]
    assert network_paths(Network("n", "s_n"), **ours) == ["IPAM.Driver"]
    assert network_paths(Network("n", "s_n", ipam_driver="infoblox"), **ours) == []
    assert network_paths(Network("n", "s_n", ipam_driver="infoblox:latest"), **ours) == []
    assert network_paths(Network("n", "s_n", ipam_driver="default")) == []
    bridge = Network("n", "s_n", driver="bridge", ipam_driver="infoblox")
    dropped = {"Options": {}, "IPAM": {"Driver": "", "Config": []}}
    assert network_paths(bridge, encrypted=False, Driver="bridge", **dropped) == []
    others = Network("n", "s_n", driver="vendor/local", ipam_driver="infoblox")
    assert network_paths(others, encrypted=False, Driver="vendor/local", **dropped) == []


def test_encryption_counts_by_presence() -> None:
    network = Network("n", "s_n")
    assert network_paths(network, Options={"encrypted": "false"}) == []
    assert network_paths(network, Options=None) == ["Options.encrypted"]
    assert network_paths(network, encrypted=False) == ["Options.encrypted"]


def test_platforms_that_dockers_tool_asked_the_registry_for_stay_with_their_image() -> None:
    """An update by us dropped them, and tasks went to nodes that cannot run the image."""
    platforms = [{"Architecture": "amd64", "OS": "linux"}]

    def spec(image: str, **placement: Any) -> dict[str, Any]:
        return {"Name": "s_web", "TaskTemplate": {"ContainerSpec": {"Image": image}, "Placement": placement}}

    live = spec("r.example/web:1", Platforms=platforms, Constraints=["node.role==manager"])
    kept = carry_over(spec("r.example/web:1", Preferences=[]), live)["TaskTemplate"]["Placement"]
    assert kept == {"Preferences": [], "Platforms": platforms}
    assert carry_over(spec("r.example/web:2"), live)["TaskTemplate"]["Placement"] == {}
