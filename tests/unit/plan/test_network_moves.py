"""Networks of a stack: what is made anew is known later, macvlan addresses stay with their hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import StopsAfter, plan_on, run_once
from fakes.swarm import FakeFleet

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Deploy, Lan, LanHost, Network, Service, ServiceNetwork, Stack
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.declaration import Declared
from swarmkit.plan.networks.wish import NetworkWish
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.rollback_planner import make_rollback_plan
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS
from swarmkit.plan.stacks.teardown import make_teardown_plan

MTU = "com.docker.network.driver.mtu"
NET = Network("net", "shop_net", driver_options={"encrypted": ""})
LAN = Network("lan", "shop_lan", driver="macvlan", subnets=("10.88.0.0/24",), lan=Lan("eth0", None, "10.88.0.128/26"))


def declared(fleet: FakeFleet, *networks: Network, recreate: bool = False, hosts: int = 3) -> Declared:
    inventory = Inventory(Path("inventory.yaml"), "lab", tuple(reached.host for reached in fleet.values())[:hosts])
    on = tuple(ServiceNetwork(network.key) for network in networks)
    services = tuple(Service(name, "registry.example/image:1", networks=on) for name in ("web", "data"))
    stack = Stack(Path("stack.yaml"), "shop", services, networks)
    return Declared(inventory, stack, recreate_networks=recreate)


def names(fleet: FakeFleet) -> set[str]:
    return {item["Name"] for item in fleet.cluster.objects["networks"].values()} - {"ingress"}


def test_a_network_made_anew_is_known_by_its_label_and_the_next_one_has_the_plain_name_again(fleet: FakeFleet) -> None:
    run_once(fleet, declared(fleet, NET))
    changed = replace(NET, driver_options={"encrypted": "", MTU: "1400"})
    assert [one.code for one in plan_on(fleet, declared(fleet, changed)).refusals] == ["B45"]
    _, applied = run_once(fleet, declared(fleet, changed, recreate=True))
    assert not applied.failed
    assert names(fleet) == {"shop_net-2"}
    assert plan_on(fleet, declared(fleet, changed)).is_empty
    assert "network shop_net was made anew since, as shop_net-2" in rollback_refusal(fleet)
    run_once(fleet, declared(fleet, NET, recreate=True))
    assert names(fleet) == {"shop_net"}
    assert plan_on(fleet, declared(fleet, NET)).is_empty
    assert "network shop_net-2 was made anew since, as shop_net" in rollback_refusal(fleet)


@pytest.mark.parametrize(("second", "told"), [("7001", ["D14"]), ("7002, 7001", ["D14"]), ("7002", [])])
def test_two_new_networks_of_a_file_with_one_vxlan_number_are_refused(
    fleet: FakeFleet, second: str, told: list[str]
) -> None:
    first = Network("first", "shop_first", driver_options={"encrypted": "", VXLAN_NUMBERS: "7001"})
    other = Network("other", "shop_other", driver_options={"encrypted": "", VXLAN_NUMBERS: second})
    refusals = plan_on(fleet, declared(fleet, first, other)).refusals
    assert [one.code for one in refusals] == told
    assert all("7001" in one.what and "shop_first" in one.evidence for one in refusals)


@pytest.mark.parametrize("owner", [{}, {"com.docker.stack.namespace": "other"}])
@pytest.mark.parametrize("attachable", [True, False])
@pytest.mark.parametrize("recreate", [True, False])
def test_a_network_that_the_stack_did_not_make_is_neither_taken_over_nor_made_anew(
    fleet: FakeFleet, owner: dict[str, str], attachable: bool, recreate: bool
) -> None:
    run_once(fleet, Declared(declared(fleet).inventory))
    body = {"Name": "shared", "Driver": "overlay", "Options": {"encrypted": ""}, "Attachable": True, "Labels": owner}
    fleet.engine("A").create("networks", body)
    shared = replace(NET, name="shared", attachable=attachable)
    plan = plan_on(fleet, declared(fleet, shared, recreate=recreate))
    (told,) = plan.refusals
    assert (told.code, told.where) == ("B45", "shared")
    assert "external: true" in told.remedy
    assert names(fleet) == {"shared"}


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [({}, True), ({"plaintext_reason": "a proxy terminates TLS"}, False), ({"name": "private"}, False)],
)
def test_a_network_in_clear_that_a_file_only_uses_is_told_before_anything_runs_on_it(
    fleet: FakeFleet, changes: dict[str, str], is_told: bool
) -> None:
    """All was deployed, and then the proof ended with 4, each time."""
    run_once(fleet, Declared(declared(fleet).inventory))
    fleet.engine("A").create("networks", {"Name": "proxy", "Driver": "overlay"})
    fleet.engine("A").create("networks", {"Name": "private", "Driver": "overlay", "Options": {"encrypted": ""}})
    proxy = replace(Network("proxy", "proxy", external=True), **changes)
    told = [one for one in plan_on(fleet, declared(fleet, proxy)).warnings if one.code == "B46"]
    assert [one.where for one in told] == (["proxy"] if is_told else [])
    assert all("x-swarmkit" in one.remedy and "as-declared" in one.remedy for one in told)


def test_who_takes_over_a_stack_in_clear_is_told_how_to_leave_it_so(fleet: FakeFleet) -> None:
    in_clear = replace(NET, driver_options={}, plaintext_reason="as Docker's tool makes it")
    run_once(fleet, declared(fleet, in_clear))
    (told,) = plan_on(fleet, declared(fleet, replace(NET, driver_options={}))).refusals
    assert told.code == "B45"
    assert 'x-swarmkit: {encrypted: false, reason: "..."}' in told.remedy
    assert "swarm_overlay_encryption: as-declared" in told.remedy


def test_what_others_made_by_its_plain_name_does_not_concern_a_network_that_was_made_anew(fleet: FakeFleet) -> None:
    changed = replace(NET, driver_options={"encrypted": "", MTU: "1400"})
    run_once(fleet, declared(fleet, NET))
    run_once(fleet, declared(fleet, changed, recreate=True))
    fleet.engine("A").create("networks", {"Name": "shop_net", "Driver": "overlay"})
    assert plan_on(fleet, declared(fleet, changed)).is_empty
    _, applied = run_once(fleet, declared(fleet, NET, recreate=True))
    assert not applied.failed
    assert names(fleet) == {"shop_net", "shop_net-3"}
    assert plan_on(fleet, declared(fleet, NET)).is_empty


def own_bridge(fleet: FakeFleet, name: str) -> None:
    fleet.engine("A").create("networks", {"Name": name, "Driver": "bridge", "Scope": "local"})


def test_a_service_is_put_on_the_swarm_s_network_though_the_manager_has_its_own_of_that_name(fleet: FakeFleet) -> None:
    wish = declared(fleet, NET)
    assert wish.stack
    run_once(fleet, replace(wish, stack=replace(wish.stack, services=wish.stack.services[:1])))
    own_bridge(fleet, "shop_net")
    assert not run_once(fleet, wish)[1].failed
    (swarms,) = (item["Id"] for item in fleet.cluster.objects["networks"].values() if item["Name"] == "shop_net")
    for service in fleet.cluster.objects["services"].values():
        assert [one["Target"] for one in service["Spec"]["TaskTemplate"]["Networks"]] == [swarms]


@pytest.mark.parametrize("network", [NET, LAN])
def test_a_manager_s_own_network_of_the_name_is_told_before_its_engine_refuses_the_swarm_s(
    fleet: FakeFleet, network: Network
) -> None:
    run_once(fleet, Declared(declared(fleet).inventory))
    own_bridge(fleet, network.name)
    (told,) = plan_on(fleet, declared(fleet, network)).refusals
    assert (told.code, told.where) == ("B45", network.name)
    assert f"swarmkit network rm {network.name} --on A" in told.remedy


def test_other_labels_stop_nothing_and_come_with_a_network_that_is_made_anew(
    fleet: FakeFleet,
) -> None:
    run_once(fleet, declared(fleet, replace(NET, labels={"owner": "ops", "tier": "back"})))
    changed = replace(NET, labels={"owner": "dev"})
    plan = plan_on(fleet, declared(fleet, changed))
    (told,) = plan.warnings
    assert plan.is_empty
    assert (told.code, told.where) == ("B45", "shop_net")
    assert told.evidence == "Labels.owner: live ops, declared dev; Labels.tier: live back, declared (none)"
    again = plan_on(fleet, declared(fleet, changed, recreate=True))
    assert (again.is_empty, again.warnings) == (True, plan.warnings)
    run_once(fleet, declared(fleet, replace(changed, attachable=True), recreate=True))
    assert plan_on(fleet, declared(fleet, replace(changed, attachable=True))).warnings == ()


def test_other_labels_of_a_macvlan_s_parts_are_told_host_by_host(fleet: FakeFleet) -> None:
    run_once(fleet, declared(fleet, LAN))
    plan = plan_on(fleet, declared(fleet, replace(LAN, labels={"owner": "dev"})))
    assert plan.is_empty
    assert {one.where for one in plan.warnings if one.code == "B45"} == {f"shop_lan-config on {host}" for host in "ABC"}


def test_on_bare_hosts_the_parts_of_a_macvlan_follow_the_swarm_which_keeps_the_lock(fleet: FakeFleet) -> None:
    parts = [op.step for op in plan_on(fleet, declared(fleet, LAN)).operations if "config-only" in op.step.summary]
    assert len(parts) == 3
    assert all(step.after == {"swarm:init"} for step in parts)


def rollback_refusal(fleet: FakeFleet) -> str:
    """Return why the stack cannot go back; the way that is told is the one that the test goes next."""
    plan, _ = make_rollback_plan(declared(fleet).inventory, "shop", observe(fleet, kernel="never"), {})
    (finding,) = plan.refusals
    assert "--recreate-networks with the earlier file" in finding.remedy
    return finding.what


@pytest.mark.parametrize("count", range(1, 10))
def test_a_move_that_was_stopped_anywhere_goes_on_from_there(fleet: FakeFleet, count: int) -> None:
    run_once(fleet, declared(fleet, NET))
    changed = declared(fleet, replace(NET, attachable=True), recreate=True)
    run_once(fleet, changed, StopsAfter(count))
    for service in fleet.cluster.objects["services"].values():
        assert service["Spec"]["TaskTemplate"]["Networks"], "no service is ever without a network"
    for _ in range(2):
        run_once(fleet, changed)
    assert names(fleet) == {"shop_net-2"}
    assert plan_on(fleet, changed).is_empty


def test_none_leaves_before_one_whose_joining_stood_still_has_joined(fleet: FakeFleet) -> None:
    """It was on both by its spec, its task on the old one alone: the others left, and it found none of them."""
    run_once(fleet, declared(fleet, NET))
    changed = declared(fleet, replace(NET, attachable=True), recreate=True)
    joined = [op.step.key for op in plan_on(fleet, changed).operations].index("join:shop_web")
    run_once(fleet, changed, StopsAfter(joined + 1))
    (web,) = (one for one in fleet.cluster.objects["services"].values() if one["Spec"]["Name"] == "shop_web")
    assert len(web["Spec"]["TaskTemplate"]["Networks"]) == 2
    web["UpdateStatus"] = {"State": "paused", "Message": "update paused"}
    keys = [op.step.key for op in plan_on(fleet, changed).operations]
    first_leaving = min(keys.index(f"service:shop_{name}") for name in ("web", "data"))
    assert keys.index("join:shop_web") < keys.index("wait:join:shop_web") < first_leaving


def test_a_host_that_takes_over_gets_other_macvlan_addresses_than_the_one_whose_tasks_still_run(
    fleet: FakeFleet,
) -> None:
    for host, expected in {"A": "10.88.0.128/29", "B": "10.88.0.136/29"}.items():
        wish = declared(fleet, LAN)
        placed = Deploy(constraints=(f"node.hostname == {fleet.machine(host).hostname}",))
        assert wish.stack
        services = tuple(replace(service, deploy=placed) for service in wish.stack.services)
        run_once(fleet, replace(wish, stack=replace(wish.stack, services=services)))
        assert _range(fleet, host) == expected


def test_hosts_keep_their_macvlan_addresses_when_another_comes(fleet: FakeFleet) -> None:
    run_once(fleet.of("AB"), declared(fleet, LAN, hosts=2))
    run_once(fleet, declared(fleet, LAN))
    assert plan_on(fleet, declared(fleet, LAN)).is_empty
    ranges = {host: _range(fleet, host) for host in "ABC"}
    assert ranges == {"A": "10.88.0.128/28", "B": "10.88.0.144/28", "C": "10.88.0.160/29"}


@pytest.mark.parametrize(
    ("range_", "gateway", "told"),
    [
        ("10.88.0.136/30", None, ["network shop_lan has no address for a task on " + host for host in "ABC"]),
        ("10.88.0.136/29", "10.88.0.1", ["network shop_lan has 3 addresses for 4 tasks"]),
        ("10.88.0.136/29", None, ["network shop_lan has no address for a task on " + host for host in "ABC"]),
        ("10.88.0.128/28", "10.88.0.1", []),
    ],
)
def test_a_range_without_an_address_for_each_task_is_told(
    fleet: FakeFleet, range_: str, gateway: str | None, told: list[str]
) -> None:
    run_once(fleet, declared(fleet))
    wish = declared(fleet, replace(LAN, lan=Lan("eth0", gateway, range_)))
    assert wish.stack
    four = tuple(replace(one, deploy=replace(one.deploy, replicas=2)) for one in wish.stack.services)
    plan = plan_on(fleet, replace(wish, stack=replace(wish.stack, services=four)))
    assert [one.what for one in plan.refusals if one.code == "H30"] == told


def test_jobs_and_hosts_that_a_global_service_may_not_run_on_need_no_address(fleet: FakeFleet) -> None:
    """A range was refused that had an address for each task that ran."""
    run_once(fleet, declared(fleet))
    wish = declared(fleet, replace(LAN, lan=Lan("eth0", "10.88.0.1", "10.88.0.136/29")))
    assert wish.stack
    web, data = wish.stack.services
    agent = replace(web, deploy=Deploy(mode="global", constraints=("node.role == manager",)))
    job = replace(data, deploy=Deploy(mode="replicated-job", replicas=3))
    three = (agent, job, replace(web, name="more", deploy=Deploy(replicas=2)))
    told = [one.code for one in plan_on(fleet, replace(wish, stack=replace(wish.stack, services=three))).refusals]
    assert "H30" not in told


def test_a_pruned_macvlan_comes_back_with_the_parts_and_addresses_of_its_hosts(fleet: FakeFleet) -> None:
    lans = replace(declared(fleet, LAN), prune=True)
    run_once(fleet, lans)
    ranges = {host: _range(fleet, host) for host in "ABC"}
    run_once(fleet, replace(declared(fleet, NET), prune=True))
    assert names(fleet) == {"shop_net"}
    assert not any(fleet.engine(host).config_networks for host in "ABC")
    plan, _ = make_rollback_plan(lans.inventory, "shop", observe(fleet, kernel="never"), {})
    made = {op.step.key: op.step for op in plan.operations}
    parts = {f"network:shop_lan-config@{host}" for host in "ABC"}
    assert made["network:shop_lan"].after == parts
    assert made["network:shop_lan"].summary == "create macvlan"
    assert made["service:shop_web"].after >= {"network:shop_lan", *parts}
    assert not apply(plan, Context(fleet, Silent(), "A", lambda name, _: name)).failed
    assert {host: _range(fleet, host) for host in "ABC"} == ranges
    assert plan_on(fleet, declared(fleet, LAN)).is_empty


def test_a_part_of_a_macvlan_that_was_made_otherwise_since_is_told_before_the_way_back(fleet: FakeFleet) -> None:
    run_once(fleet, replace(declared(fleet, LAN), prune=True))
    run_once(fleet, replace(declared(fleet, NET), prune=True))
    fleet.engine("B").create("networks", NetworkWish("shop_lan-config", "null", config_only=True).body)
    plan, _ = make_rollback_plan(declared(fleet).inventory, "shop", observe(fleet, kernel="never"), {})
    (finding,) = plan.refusals
    assert "shop_lan-config on B was made anew since" in finding.what
    assert "options.parent: live (none), before eth0" in finding.evidence


def _range(fleet: FakeFleet, host: str) -> str:
    (config,) = fleet.engine(host).config_networks.values()
    return str(config["IPAM"]["Config"][0]["IPRange"])


def test_down_removes_a_macvlan_from_swarm_and_hosts(fleet: FakeFleet) -> None:
    made = declared(fleet, LAN)
    run_once(fleet, made)
    assert plan_on(fleet, made).is_empty
    plan = make_teardown_plan(made.inventory, "shop", observe(fleet, kernel="never"), volumes={}, keep_swarm=True)
    said = [f"{operation.step.target}: {operation.step.summary}" for operation in plan.writes]
    assert said[-4:] == [
        "shop_lan: remove network",
        *(f"{host}: remove config-only network shop_lan-config" for host in "ABC"),
    ]


def test_a_changed_parent_is_refused(fleet: FakeFleet) -> None:
    run_once(fleet, declared(fleet, LAN))
    other = replace(LAN, lan=replace(LAN.lan or Lan(), hosts={"B": LanHost("eth1")}))
    (refusal,) = plan_on(fleet, declared(fleet, other, recreate=True)).refusals
    assert "options.parent: live eth0, declared eth1" in refusal.evidence
