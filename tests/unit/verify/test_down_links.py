"""Links that are down: nothing of Docker's own tells of them, and every way to and from the host hangs."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from verify_world import NET, SERVICES, TASK, VIP, World, pid_of

from swarmkit.finding import Finding
from swarmkit.verify.probe.links import links_down, parse_routes
from swarmkit.verify.prove import prove

HEALTHY = (Path(__file__).parent / "samples" / "overlay_links.txt").read_text()
"""As ``ip -d -o link`` prints an overlay's namespace on a host with its containers, and a link of the kernel's own."""
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth1	00000000	010012AC	0003	0	0	0	00000000	0	0	0
eth0	0001000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	000012AC	00000000	0001	0	0	0	0000FFFF	0	0	0
"""


@pytest.fixture
def world() -> World:
    """C's database neither hears nor is heard, as with a link that is down there."""
    world = World()
    for host, shell in world.shells.items():
        far = [name for name in SERVICES if (host == "C") != (SERVICES[name][0] == "C")]
        shell.unanswered |= {at[name] for name in far for at in (VIP, TASK)}
        shell.sections[f"links.{NET}"] = HEALTHY
    for peer in "AB":
        world.shells["C"].received[peer] = 0
    for service, (host, _) in SERVICES.items():
        world.shells[host].sections[f"routes.{pid_of(service)}"] = ROUTES
    return world


def proof(world: World) -> tuple[Finding, ...]:
    return prove(world.fleet, world.inventory, None, world.observed).findings


def test_links_that_are_up_and_those_that_the_kernel_puts_everywhere_are_nothing() -> None:
    assert links_down(HEALTHY) == ()
    assert links_down("") == ()


@pytest.mark.parametrize("name", ["br0", "vxlan0", "veth0"])
def test_a_link_that_is_down_is_named(name: str) -> None:
    number = HEALTHY.index(f" {name}")
    assert links_down(HEALTHY[:number] + HEALTHY[number:].replace("UP,LOWER_UP", "M-DOWN", 1)) == (f"{name} is down",)


def test_a_vxlan_link_that_was_taken_away_is_told() -> None:
    lines = [line for line in HEALTHY.splitlines() if " vxlan id " not in line]
    assert links_down("\n".join(lines)) == ("no VXLAN link is there",)


def test_routes_without_a_gateway_are_those_of_links_that_are_up() -> None:
    assert parse_routes(ROUTES) == (IPv4Network("10.0.1.0/24"), IPv4Network("172.18.0.0/16"))
    assert parse_routes("") == ()


def test_a_network_s_link_that_is_down_is_the_cause_of_all_that_does_not_get_to_and_from_its_host(world: World) -> None:
    lines = [
        line.replace("MULTICAST,UP,LOWER_UP", "MULTICAST") if " vxlan id " in line else line
        for line in HEALTHY.splitlines()
    ]
    world.shells["C"].sections[f"links.{NET}"] = "\n".join(lines)
    found = proof(world)
    cause = found[0]
    assert (cause.code, cause.severity, cause.where) == ("V30", "error", "shop_shop on C")
    assert "vxlan0 is down" in cause.evidence
    assert cause.remedy.startswith("on C: systemctl restart docker")
    wrong = [one for one in found if one.severity == "error" and one != cause]
    assert {one.code for one in wrong} >= {"V05", "V11", "V12"}
    assert {one.follows_from for one in wrong} == {"V30"}


def test_a_container_s_link_that_is_down_is_the_cause_and_its_service_is_updated(world: World) -> None:
    """V05 asked to open udp/4789 on a host where it was open."""
    lines = [line for line in ROUTES.splitlines() if "0001000A" not in line]
    world.shells["C"].sections[f"routes.{pid_of('shop_database')}"] = "\n".join(lines)
    cause = proof(world)[0]
    assert (cause.code, cause.where) == ("V30", "shop_database on C")
    assert f"its address there is {TASK['shop_database']}" in cause.evidence
    assert cause.remedy.endswith("docker service update --force shop_database")


def test_what_is_found_between_other_hosts_does_not_follow_from_a_link(world: World) -> None:
    lines = [line for line in HEALTHY.splitlines() if " vxlan id " not in line]
    world.shells["C"].sections[f"links.{NET}"] = "\n".join(lines)
    world.shells["A"].unanswered |= {TASK["shop_backend"], VIP["shop_backend"]}
    (other,) = (one for one in proof(world) if one.code == "V05" and one.where == "shop_frontend@A -> shop_backend")
    assert not other.follows_from


def test_a_healthy_world_has_no_such_finding() -> None:
    world = World()
    for shell in world.shells.values():
        shell.sections[f"links.{NET}"] = HEALTHY
    assert [one for one in proof(world) if one.severity == "error"] == []
