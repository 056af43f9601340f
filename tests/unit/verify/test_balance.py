"""What hosts lead requests to: all tasks that run, and no address of a task that is gone."""

from __future__ import annotations

import pytest
from verify_world import NET, ON_INGRESS, TASK, FakeEngine, World, server_at

from swarmkit.finding import Finding
from swarmkit.reach.ssh import CommandTimeoutError
from swarmkit.verify.prove import prove

GONE = "10.0.1.99"
PORTS = "FWM  00000101 rr\n"
BACKEND = "FWM  00000201 rr\n"


@pytest.fixture
def world() -> World:
    made = World()
    made.publish(5354, "udp", "ingress")
    return made


def told(world: World) -> dict[str, Finding]:
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    return {one.where: one for one in found if one.code == "V28"}


def wrong(world: World) -> dict[str, str]:
    return {where: one.evidence for where, one in told(world).items() if one.severity == "error"}


def test_every_host_leads_requests_to_all_tasks_and_nowhere_else(world: World) -> None:
    found = told(world)
    assert found.keys() == {"shop_frontend", "shop_backend", "shop_database"}
    assert {one.severity for one in found.values()} == {"ok"}
    assert found["shop_backend"].evidence == "VIP 10.0.1.4 on shop_shop by IPVS of A, B, C"
    ways = "VIP 10.0.1.2 on shop_shop", "port 8080/tcp", "port 5354/udp"
    assert found["shop_frontend"].evidence == "; ".join(f"{way} by IPVS of A, B, C" for way in ways)


def test_a_dead_address_behind_published_ports_is_told_on_its_host(world: World) -> None:
    """One try of each port met the task that runs, and each second request was lost."""
    both = f"{server_at(ON_INGRESS)}\n{server_at('10.0.0.99')}"
    world.shells["B"].sections["mesh_services"] = PORTS + both
    lost = "leads to 10.0.0.99, which is no task's"
    assert wrong(world) == {"shop_frontend at B": f"port 8080/tcp {lost}; port 5354/udp {lost}"}
    assert told(world)["shop_frontend at B"].remedy.startswith("on B: systemctl restart docker")


def test_a_task_that_a_port_does_not_lead_to_is_told(world: World) -> None:
    second = {**world.tasks[0], "ID": "t-second", "Status": {**world.tasks[0]["Status"]}}
    second["NetworksAttachments"] = [{"Network": {"ID": "ingid"}, "Addresses": ["10.0.0.6/24"]}]
    world.tasks.append(second)
    for host in "AC":
        world.shells[host].sections["mesh_services"] = f"{PORTS}{server_at(ON_INGRESS)}\n{server_at('10.0.0.6')}"
    lost = "does not lead to 10.0.0.6, where a task runs"
    assert wrong(world) == {"shop_frontend at B": f"port 8080/tcp {lost}; port 5354/udp {lost}"}
    assert told(world)["shop_frontend at B"].remedy == "on A: docker service update --force shop_frontend"


def test_a_dead_address_behind_a_vip_is_told(world: World) -> None:
    at = TASK["shop_backend"]
    world.shells["A"].sections[f"vip_services.{NET}"] = f"{BACKEND}{server_at(at)}\n{server_at(GONE)}"
    assert wrong(world)["shop_backend at A"] == f"VIP 10.0.1.4 on shop_shop leads to {GONE}, which is no task's"


def test_a_task_that_gets_no_new_requests_by_its_vip_is_told(world: World) -> None:
    services = BACKEND + server_at(TASK["shop_backend"], weight=0)
    world.shells["C"].sections[f"vip_services.{NET}"] = services
    lost = "VIP 10.0.1.4 on shop_shop does not lead to 10.0.1.5, where a task runs"
    assert wrong(world)["shop_backend at C"] == lost


def test_a_task_that_ends_or_starts_is_neither_missed_nor_foreign(world: World) -> None:
    task = world.tasks[1]
    for state, desired in (("running", "shutdown"), ("starting", "running")):
        moving = {**task, "ID": f"t-{state}", "DesiredState": desired, "Status": {"State": state}}
        moving["NetworksAttachments"] = [{"Network": {"ID": NET}, "Addresses": [f"{GONE}/24"]}]
        world.tasks = [*world.tasks[:3], moving]
        assert wrong(world) == {}
        world.shells["A"].sections[f"vip_services.{NET}"] = "\n".join(
            f"FWM  {0x200 + mark:08X} rr\n{server_at(at)}\n{server_at(GONE) if mark == 1 else ''}"
            for mark, at in enumerate(TASK.values())
        )
        assert wrong(world) == {}
        world.shells["A"].sections.clear()


def test_a_task_that_came_while_it_was_looked_at_is_known_at_the_second_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.shells["B"].sections["mesh_services"] = f"{PORTS}{server_at(ON_INGRESS)}\n{server_at('10.0.0.6')}"
    new = {**world.tasks[0], "ID": "t-new", "NetworksAttachments": [{"Network": {"ID": "ingid"}, "Addresses": []}]}
    new["NetworksAttachments"][0]["Addresses"] = ["10.0.0.6/24"]
    find, read = FakeEngine.find, []

    def later(engine: FakeEngine, kind: str, filters: dict[str, list[str]] | None = None) -> list[dict[str, object]]:
        read.append(kind)
        found = find(engine, kind, filters)
        return [*found, new] if kind == "tasks" and read.count("tasks") > 1 else found

    monkeypatch.setattr(FakeEngine, "find", later)
    assert wrong(world) == {}
    assert read.count("tasks") == 2


def test_what_cannot_be_read_is_no_proof(world: World) -> None:
    world.shells["C"].sections[f"vip_rules.{NET}"] = "unreadable"
    assert wrong(world)["shop_backend at C"] == "VIP 10.0.1.4 on shop_shop: iptables does not work there"


def test_of_a_node_that_others_reach_by_ipv6_only_vips_are_told(world: World) -> None:
    """Its ports are not asked for, so where they lead is not read either."""
    world.nodes[1]["Status"]["Addr"] = "fd00::12"
    assert wrong(world) == {}
    assert "; port 8080/tcp by IPVS of A, C; " in told(world)["shop_frontend"].evidence


def silent_c(world: World) -> None:
    """C does not answer, and the IPVS of the others, which gossip made anew, leads to nothing there."""
    world.shells["C"].error = CommandTimeoutError("C: no answer within 20 s", "")
    for host in "AB":
        world.shells[host].sections[f"vip_services.{NET}"] = "\n".join(
            f"FWM  {0x200 + mark:08X} rr\n{server_at(at) if mark < 2 else ''}" for mark, at in enumerate(TASK.values())
        )


def test_a_task_of_a_host_that_does_not_answer_is_not_missed(world: World) -> None:
    """Gossip gives its records up before the managers see it down."""
    silent_c(world)
    assert wrong(world) == {}


def test_requests_for_tasks_of_silent_hosts_alone_are_not_proved_to_be_led_anywhere(world: World) -> None:
    """What led nowhere was told as led to its 1 task."""
    silent_c(world)
    assert told(world).keys() == {"shop_frontend", "shop_backend"}


def test_only_tasks_that_were_looked_at_are_counted_as_led_to(world: World) -> None:
    silent_c(world)
    there = {**world.tasks[0], "ID": "t-silent", "NodeID": "node-C"}
    there["NetworksAttachments"] = [{"Network": {"ID": NET}, "Addresses": ["10.0.1.8/24"]}]
    world.tasks.append(there)
    found = told(world)["shop_frontend"]
    assert found.severity == "ok"
    led = "are led to its 1 task that was looked at, and to no address that is no task's"
    assert found.what == f"requests for shop_frontend {led}"


def test_a_host_that_fails_at_the_second_look_is_told_as_that(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = world.shells["B"]
    shell.sections["mesh_services"] = f"{PORTS}{server_at('10.0.0.99')}"
    looked, run = [], shell.run

    def failing(script: str, **more: float) -> object:
        looked.append("mesh() {" in script)
        if looked.count(True) > 1:
            raise CommandTimeoutError("B: no answer within 20 s", "")
        return run(script, timeout_seconds=more["timeout_seconds"])

    monkeypatch.setattr(shell, "run", failing)
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    assert [one.where for one in found if one.code == "V14" and one.severity == "error"] == ["B"]
    assert "shop_frontend at B" not in {one.where for one in found if one.code == "V28"}


def test_what_is_wrong_at_the_second_look_stands_where_the_first_could_not_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not known at first erased it, and the host was proved right."""
    shell = world.shells["C"]
    shell.sections[f"vip_rules.{NET}"] = "unreadable"
    run = shell.run

    def later(script: str, **more: float) -> object:
        said = run(script, timeout_seconds=more["timeout_seconds"])
        if "vips() {" in script:
            shell.sections = {f"vip_services.{NET}": f"{BACKEND}{server_at(GONE)}"}
        return said

    monkeypatch.setattr(shell, "run", later)
    lost = f"does not lead to 10.0.1.5, where a task runs and leads to {GONE}, which is no task's"
    assert wrong(world)["shop_backend at C"] == f"VIP 10.0.1.4 on shop_shop {lost}"


def test_a_network_that_a_host_gave_up_with_its_last_task_meanwhile_is_not_asked_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its load balancer is gone with it: that told a restart of the engine as the remedy."""
    inspect = FakeEngine.inspect

    def later(engine: FakeEngine, kind: str, identity: str) -> dict[str, object]:
        if identity == "c-shop_backend":
            return {"State": {"Running": False, "Pid": 0, "Status": "exited"}}
        return inspect(engine, kind, identity)

    monkeypatch.setattr(FakeEngine, "inspect", later)
    world.shells["B"].sections[f"vip_rules.{NET}"] = "unreadable"
    assert wrong(world) == {}
    assert told(world)["shop_database"].evidence == "VIP 10.0.1.6 on shop_shop by IPVS of A, C"


def test_a_network_that_a_host_gives_up_before_the_second_look_is_not_told_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.shells["B"].sections[f"vip_rules.{NET}"] = "unreadable"
    find, read = FakeEngine.find, []

    def later(engine: FakeEngine, kind: str, filters: dict[str, list[str]] | None = None) -> list[dict[str, object]]:
        read.append(kind)
        found = find(engine, kind, filters)
        is_second = kind == "tasks" and read.count("tasks") > 1
        return [task for task in found if task["NodeID"] != "node-B"] if is_second else found

    monkeypatch.setattr(FakeEngine, "find", later)
    assert wrong(world) == {}
