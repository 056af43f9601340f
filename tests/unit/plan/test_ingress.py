"""Ingress made anew, encrypted, and taken up by every node: before ports are published, and never under them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.cluster import Refused
from fakes.running import plan_on, run_once, state_of
from fakes.swarm import FakeEngine, FakeFleet, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.service import Port, Service, Stack
from swarmkit.errors import SwarmkitError
from swarmkit.observed.ingress import with_ingress
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.networks import ingress_operations
from swarmkit.reach.engine import Kind
from swarmkit.reach.ssh import ConnectionLostError

HOSTS = (
    Host("A", "10.88.0.11", "manager"),
    Host("B", "10.88.0.12", "worker"),
    Host("C", "10.88.0.13", "worker", availability="drain", labels={"rack": "7"}),
)
CLEAR = Inventory(Path("inventory.yaml"), "prod", HOSTS)
ENCRYPTED = replace(CLEAR, encrypt_ingress=True)
WEB = Service(
    "web", "r.example/web:1", ports=(Port(target=80, published=8080), Port(target=53, published=53, protocol="udp"))
)
INSIDE = replace(WEB, ports=())
INSIDE_TOO = replace(INSIDE, name="back")


def declared(inventory: Inventory, *services: Service) -> Declared:
    return Declared(inventory, Stack(Path("stack.yaml"), "s", services))


def ingress(fleet: FakeFleet) -> dict[str, Any]:
    (found,) = (network for network in fleet.engine("A").find("networks") if network.get("Ingress"))
    return found


def without(fleet: FakeFleet) -> frozenset[str]:
    return with_ingress(fleet, observe(fleet, kernel="never")).without_ingress


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDED_TIMEOUT", "GONE_TIMEOUT", "MADE_TIMEOUT", "TAKEN_UP", "THERE_TIMEOUT"):
        monkeypatch.setattr(ingress_operations, f"{name}_SECONDS", 0.0)


def test_a_fresh_swarm_gets_it_before_nodes_join_and_services_come() -> None:
    fleet = fake_fleet(ENCRYPTED)
    plan, applied = run_once(fleet, declared(ENCRYPTED, WEB))
    assert applied.failed == ()
    assert "encrypted" in ingress(fleet)["Options"]
    after = {operation.step.key: operation.step.after for operation in plan.operations}
    assert after["ingress:encrypt"] == {"swarm:init"}
    assert after["ingress:nodes"] == {"ingress:encrypt"}
    assert "ingress:nodes" in after["join:B"]
    assert "ingress:nodes" in after["service:s_web"]
    assert without(fleet) == set()
    assert plan_on(fleet, declared(ENCRYPTED, WEB)).is_empty


def test_a_swarm_of_one_manager_that_publishes_nothing_gets_it_anew_and_keeps_its_other_options() -> None:
    alone = replace(CLEAR, hosts=HOSTS[:1])
    fleet = fake_fleet(alone)
    run_once(fleet, declared(alone))
    (old,) = (network for network in fleet.cluster.objects["networks"].values() if network.get("Ingress"))
    old["Options"] = {"com.docker.network.driver.mtu": "1300"}
    plan, applied = run_once(fleet, declared(replace(alone, encrypt_ingress=True)))
    assert [operation.step.key for operation in plan.writes] == ["ingress:encrypt", "ingress:nodes"]
    assert applied.failed == ()
    assert ingress(fleet)["Options"]["com.docker.network.driver.mtu"] == "1300"
    assert "encrypted" in ingress(fleet)["Options"]


def test_every_node_of_a_living_swarm_takes_it_up_and_no_node_is_another_for_it() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, INSIDE))
    before = state_of(fleet)["nodes"], fleet.cluster.tasks
    plan, applied = run_once(fleet, declared(ENCRYPTED, WEB))
    assert applied.failed == ()
    steps = {operation.step.key: operation.step for operation in plan.operations}
    assert steps["ingress:nodes"].summary == "have each node take ingress up: A, B, C"
    assert "ingress:nodes" in steps["service:s_web"].after
    assert (without(fleet), state_of(fleet)["nodes"]) == (set(), before[0])
    assert plan_on(fleet, declared(ENCRYPTED, WEB)).is_empty


def test_a_run_that_ended_before_the_nodes_took_it_up_is_gone_on_with() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, INSIDE))

    def lost(action: str, write: Any) -> Any:
        if action.startswith("update node"):
            raise ConnectionLostError(f"no answer to: {action}")
        return write()

    fleet.intercept(lost)
    assert run_once(fleet, declared(ENCRYPTED, WEB))[1].failed
    fleet.intercept(lambda _, write: write())
    assert without(fleet) == {"A", "B", "C"}
    plan, applied = run_once(fleet, declared(ENCRYPTED, WEB))
    assert "ingress:encrypt" not in {operation.step.key for operation in plan.operations}
    assert (applied.failed, without(fleet)) == ((), set())


def test_a_node_that_is_down_is_not_waited_for_and_told() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR))
    fleet.cluster.nodes[fleet.engine("B").node_id]["Status"]["State"] = "down"
    applied = run_once(fleet, declared(ENCRYPTED))[1]
    assert applied.failed == ()
    assert applied.outcomes["ingress:nodes"].note == "not yet: host-b; takes it up when it is back"


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_does_not_take_it_up_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, INSIDE))
    told = FakeEngine._ingress_end
    monkeypatch.setattr(FakeEngine, "_ingress_end", lambda engine, of: told(engine, of) if engine.host != "A" else None)
    (failed,) = run_once(fleet, declared(ENCRYPTED, INSIDE))[1].failed
    assert isinstance(failed.error, SwarmkitError)
    assert failed.error.what == "A: the engine did not take the new ingress up"
    assert failed.error.to_do == "on A: sudo systemctl restart docker; then run the same again"


def test_options_that_are_told_once_it_has_its_addresses_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on 20.10: it was told without any right after it was made."""
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR))
    find, told = FakeEngine.find, iter([None])

    def early(engine: FakeEngine, kind: Kind, filters: Any = None) -> list[dict[str, Any]]:
        found = find(engine, kind, filters)
        for network in found:
            if kind == "networks" and "encrypted" in network["Options"]:
                network["Options"] = next(told, network["Options"])
        return found

    monkeypatch.setattr(FakeEngine, "find", early)
    assert run_once(fleet, declared(ENCRYPTED))[1].failed == ()
    assert next(told, "was told") == "was told"


@pytest.mark.usefixtures("impatient")
def test_an_engine_that_gave_up_takes_it_up_when_its_node_differs_by_a_label_that_goes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seen on 26.1: one engine in some dozens had no end of it after its node was updated."""
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, INSIDE))
    before = state_of(fleet)["nodes"]
    told, late = FakeEngine._ingress_end, fleet.engine("C")

    def end(engine: FakeEngine, identity: str) -> Any:
        labels = fleet.cluster.nodes[late.node_id]["Spec"]["Labels"]
        return told(engine, identity) if engine is not late or "swarmkit.ingress" in labels else refuse(identity)

    def refuse(identity: str) -> Any:
        raise Refused(404, f"network {identity} not found")

    monkeypatch.setattr(FakeEngine, "_ingress_end", end)
    assert run_once(fleet, declared(ENCRYPTED, INSIDE))[1].failed == ()
    assert state_of(fleet)["nodes"] == before


@pytest.mark.usefixtures("impatient")
def test_it_stays_while_a_task_that_published_by_it_is_still_ending() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, INSIDE))
    old = ingress(fleet)["Id"]
    ending = next(iter(fleet.cluster.tasks.values()))
    ending["NetworksAttachments"] = [{"Network": {"ID": old}, "Addresses": ["10.0.0.7/24"]}]
    (failed,) = run_once(fleet, declared(ENCRYPTED, INSIDE))[1].failed
    assert isinstance(failed.error, SwarmkitError)
    assert failed.error.what == "ingress was not removed: tasks that published a port are still ending"
    assert ingress(fleet)["Id"] == old
    ending["Status"]["State"] = "shutdown"
    assert run_once(fleet, declared(ENCRYPTED, INSIDE))[1].failed == ()


@pytest.mark.usefixtures("impatient")
def test_none_is_made_beside_an_end_that_the_manager_s_engine_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR))
    kept = {**ingress(fleet), "Containers": {}}
    networks = type(fleet.engine("A"))._items
    monkeypatch.setattr(
        FakeEngine, "_items", lambda engine, kind: [*networks(engine, kind), *([kept] if kind == "networks" else [])]
    )
    (failed,) = run_once(fleet, declared(ENCRYPTED))[1].failed
    assert isinstance(failed.error, SwarmkitError)
    assert failed.error.what == "A: its engine keeps its end of the ingress network that was removed"
    monkeypatch.undo()
    assert run_once(fleet, declared(ENCRYPTED))[1].failed == ()
    assert "encrypted" in ingress(fleet)["Options"]


def test_under_services_that_publish_it_is_refused_with_how_they_do_not_for_a_while() -> None:
    fleet = fake_fleet(CLEAR)
    run_once(fleet, declared(CLEAR, WEB, INSIDE_TOO))
    (refusal,) = plan_on(fleet, declared(ENCRYPTED, WEB, INSIDE_TOO)).refusals
    assert (refusal.code, refusal.where) == ("B45", "ingress")
    assert refusal.evidence == "published through it by s_web"
    unpublish = "on A: docker service update --publish-rm 53/udp --publish-rm 80/tcp s_web; then swarmkit up, which"
    assert refusal.remedy.startswith(unpublish)
    assert plan_on(fleet, replace(declared(ENCRYPTED, WEB, INSIDE_TOO), overridden=frozenset({"B45"}))).is_empty
    (live,) = (one for one in fleet.cluster.objects["services"].values() if one["Spec"]["Name"] == "s_web")
    live["Spec"]["EndpointSpec"]["Ports"] = []
    plan, applied = run_once(fleet, declared(ENCRYPTED, WEB, INSIDE_TOO))
    assert applied.failed == ()
    assert {"ingress:encrypt", "ingress:nodes", "service:s_web"} <= {operation.step.key for operation in plan.writes}


def test_a_port_that_the_host_publishes_is_none_of_ingress() -> None:
    fleet = fake_fleet(CLEAR)
    by_host = replace(WEB, ports=(Port(target=80, published=8080, mode="host"),))
    run_once(fleet, declared(CLEAR, by_host))
    assert run_once(fleet, declared(ENCRYPTED, by_host))[1].failed == ()
    assert without(fleet) == set()


def test_one_that_was_removed_and_not_made_again_is_made() -> None:
    alone = replace(ENCRYPTED, hosts=HOSTS[:1])
    fleet = fake_fleet(alone)
    run_once(fleet, declared(alone))
    networks = fleet.cluster.objects["networks"]
    del networks[next(key for key, network in networks.items() if network.get("Ingress"))]
    assert run_once(fleet, declared(alone))[1].failed == ()
    assert "encrypted" in ingress(fleet)["Options"]
