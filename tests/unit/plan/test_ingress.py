"""Ingress made anew, encrypted: before anything joins or publishes, and never under services that publish."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fakes.running import plan_on, run_once
from fakes.swarm import FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Port, Service, Stack
from swarmkit.plan.declaration import Declared

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"))
CLEAR = Inventory(Path("inventory.yaml"), "prod", HOSTS)
ENCRYPTED = replace(CLEAR, encrypt_ingress=True)
WEB = Service("web", "r.example/web:1", ports=(Port(target=80, published=8080),))


def declared(inventory: Inventory, *services: Service) -> Declared:
    return Declared(inventory, Stack(Path("stack.yaml"), "s", services))


def ingress(fleet: FakeFleet) -> dict[str, str]:
    (found,) = (network for network in fleet.engine("A").find("networks") if network.get("Ingress"))
    return dict(found["Options"])


def test_a_fresh_swarm_gets_it_before_nodes_join_and_services_come() -> None:
    fleet = fake_fleet(ENCRYPTED)
    plan, applied = run_once(fleet, declared(ENCRYPTED, WEB))
    assert applied.failed == ()
    assert "encrypted" in ingress(fleet)
    after = {operation.step.key: operation.step.after for operation in plan.operations}
    assert after["ingress:encrypt"] == {"swarm:init"}
    assert "ingress:encrypt" in after["join:B"]
    assert "ingress:encrypt" in after["service:s_web"]
    assert plan_on(fleet, declared(ENCRYPTED, WEB)).is_empty


def test_a_swarm_of_one_manager_that_publishes_nothing_gets_it_anew_and_keeps_its_other_options() -> None:
    alone = replace(CLEAR, hosts=HOSTS[:1])
    fleet = fake_fleet(alone)
    run_once(fleet, declared(alone))
    (old,) = (network for network in fleet.cluster.objects["networks"].values() if network.get("Ingress"))
    old["Options"] = {"com.docker.network.driver.mtu": "1300"}
    plan, applied = run_once(fleet, declared(replace(alone, encrypt_ingress=True)))
    assert [operation.step.key for operation in plan.writes] == ["ingress:encrypt"]
    assert applied.failed == ()
    assert ingress(fleet)["com.docker.network.driver.mtu"] == "1300"
    assert "encrypted" in ingress(fleet)


def test_in_a_swarm_of_more_or_under_services_that_publish_it_is_refused_with_a_way_out() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, WEB))
    (refusal,) = plan_on(fleet, declared(ENCRYPTED, WEB)).refusals
    assert (refusal.code, refusal.where) == ("B45", "ingress")
    assert refusal.evidence == "2 nodes; published through it by s_web"
    assert "swarmkit down, then swarmkit up" in refusal.remedy
    assert plan_on(fleet, replace(declared(ENCRYPTED, WEB), overridden=frozenset({"B45"}))).is_empty
    by_host = replace(WEB, ports=(Port(target=80, published=8080, mode="host"),))
    hosts_own = fake_fleet(CLEAR)
    run_once(hosts_own, declared(CLEAR, by_host))
    (refusal,) = plan_on(hosts_own, declared(ENCRYPTED, by_host)).refusals
    assert refusal.evidence.endswith("by nothing")


def test_one_that_was_removed_and_not_made_again_is_made() -> None:
    alone = replace(ENCRYPTED, hosts=HOSTS[:1])
    fleet = fake_fleet(alone)
    run_once(fleet, declared(alone))
    networks = fleet.cluster.objects["networks"]
    del networks[next(key for key, network in networks.items() if network.get("Ingress"))]
    assert run_once(fleet, declared(alone))[1].failed == ()
    assert "encrypted" in ingress(fleet)
