"""Published UDP ports: what leads their datagrams to tasks is looked at, and what is not tried is told."""

from __future__ import annotations

import pytest
from verify_world import World

from swarmkit.finding import Finding
from swarmkit.verify.prove import prove
from swarmkit.verify.ways.mesh import parse_mesh


@pytest.fixture
def world() -> World:
    return World()


def published(world: World) -> dict[str, Finding]:
    """Return what is said of the ports beside the frontend's own, by place."""
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    return {one.where: one for one in found if one.code == "V06" and "shop_frontend at" not in one.where}


def test_datagrams_are_led_to_the_tasks_on_every_node_and_none_is_said_to_be_answered(world: World) -> None:
    world.publish(5354, "udp", "ingress")
    found = published(world)
    assert found.keys() == {f"shop_frontend:5354/udp at {host}" for host in "ABC"}
    at_b = found["shop_frontend:5354/udp at B"]
    assert (at_b.severity, at_b.what) == ("ok", "datagrams to udp port 5354 of 10.88.0.12 are led to shop_frontend")
    assert "was not tried" in at_b.evidence


@pytest.mark.parametrize(
    ("section", "said", "why"),
    [
        ("nat", "-A PREROUTING -m addrtype -j DOCKER-INGRESS", "no rule of B leads port 5354 into the ingress network"),
        ("mesh_rules", "-P PREROUTING ACCEPT", "no rule of the ingress network's namespace on B marks port 5354"),
        ("mesh_rules", "unreadable", "iptables does not work there"),
        ("mesh_services", "FWM  00000101 rr", "IPVS of B does not lead to 10.0.0.5"),
    ],
)
def test_what_lacks_for_it_on_a_node_is_an_error_there(world: World, section: str, said: str, why: str) -> None:
    world.publish(5354, "udp", "ingress")
    world.shells["B"].sections[section] = said
    found = published(world)
    wrong = {where: one.evidence for where, one in found.items() if one.severity == "error"}
    assert wrong == {"shop_frontend:5354/udp at B": why}


def test_a_port_of_mode_host_needs_docker_s_rule_where_the_task_runs_and_nowhere_else(world: World) -> None:
    world.publish(5355, "udp", "host")
    assert {where: one.severity for where, one in published(world).items()} == {"shop_frontend:5355/udp at A": "ok"}
    world.shells["A"].sections["nat"] = "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"
    found = published(world)["shop_frontend:5355/udp at A"]
    assert (found.severity, found.evidence) == (
        "error",
        "no rule of Docker's on A leads port 5355 to the container",
    )


def test_a_task_that_does_not_listen_on_the_port_is_told(world: World) -> None:
    world.publish(5354, "udp", "ingress")
    world.shells["A"].sections = {f"datagrams.{1000 + number}": "0100007F:14E9\n00000000:0035" for number in range(3)}
    told = published(world)["shop_frontend:5354/udp on A"]
    assert (told.severity, told.evidence) == ("warning", "udp ports it has: 53, 5353")


def test_a_port_of_another_protocol_is_told_as_not_tried(world: World) -> None:
    world.publish(3868, "sctp", "ingress")
    (told,) = published(world).values()
    assert (told.severity, told.what) == ("warning", "port 3868/sctp of shop_frontend was not tried")


def test_a_port_that_is_published_by_udp_alone_is_not_published_by_tcp(world: World) -> None:
    world.publish(3000, "udp", "ingress")
    found = prove(world.fleet, world.inventory, None, world.observed).findings
    (told,) = (one for one in found if (one.code, one.where) == ("V24", "A from outside"))
    assert told.what == "A answers on no TCP port that containers listen on and nothing publishes"
    assert "3000" in told.evidence


def test_a_server_without_weight_and_services_by_address_lead_nowhere() -> None:
    rules = "-A PREROUTING -p udp -m udp --dport 53 -j MARK --set-xmark 0x10a/0xffffffff"
    services = (
        "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
        "FWM  0000010A rr  \n  -> 0A000005:0000      Masq    1      0          0         \n"
        "  -> 0A000006:0000      Masq    0      0          0         \n"
        "UDP  0A000007:0035 rr  \n  -> 0A000008:0035      Masq    1      0          0         \n"
    )
    assert parse_mesh(rules, services).leads_to("udp", 53) == {"10.0.0.5"}
    assert parse_mesh(rules, services).leads_to("tcp", 53) is None
