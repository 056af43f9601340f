"""What goes by IPv6 is told as not tried, and neither breaks nor fails what goes by IPv4."""

from __future__ import annotations

import dataclasses

from verify_world import NET, World

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.verify.prove import prove

OVERLAY, NODE = "fd00:1::", "fd00:88::13"


def wrong(world: World, observed: Observed | None = None) -> dict[tuple[str, str], Finding]:
    found = prove(world.fleet, world.inventory, None, observed or world.observed).findings
    return {(one.code, one.where): one for one in found if one.severity != "ok" and one.code != "V13"}


def test_a_network_with_ipv6_is_proved_by_ipv4_and_the_rest_told_as_not_tried() -> None:
    world = World()
    assert wrong(world) == {}
    world.networks[0] |= {"EnableIPv6": True, "IPAM": {"Config": [{"Subnet": f"{OVERLAY}/64"}]}}
    for number, (task, service) in enumerate(zip(world.tasks, world.services, strict=True)):
        task["NetworksAttachments"][0]["Addresses"].append(f"{OVERLAY}{number + 1}/64")
        service["Endpoint"]["VirtualIPs"].append({"NetworkID": NET, "Addr": f"{OVERLAY}a{number}/64"})
    found = wrong(world)
    assert found.keys() == {("V05", "shop_shop")}
    told = found["V05", "shop_shop"]
    assert (told.severity, told.evidence) == ("warning", f"{OVERLAY}/64")
    assert "by IPv6 on shop_shop was not tried" in told.what


def test_a_task_with_addresses_of_ipv6_alone_is_not_asked_for() -> None:
    world = World()
    world.networks[0]["EnableIPv6"] = True
    for number, (task, service) in enumerate(zip(world.tasks, world.services, strict=True)):
        task["NetworksAttachments"][0]["Addresses"] = [f"{OVERLAY}{number + 1}/64"]
        service["Endpoint"]["VirtualIPs"] = []
    found = wrong(world)
    assert found["V05", "shop_shop"].evidence == "EnableIPv6 is true"
    assert not {code for code, _ in found} & {"V04", "V17"}
    assert {where for code, where in found if code == "V05"} == {"shop_shop"}


def test_a_node_that_is_reached_by_ipv6_is_told_as_not_tried() -> None:
    world = World()
    world.nodes[2]["Status"]["Addr"] = NODE
    observed = world.observed
    engine = dataclasses.replace(observed.hosts["C"].engine, node_addr=NODE)
    facts = dataclasses.replace(observed.hosts["C"], engine=engine)
    found = wrong(world, dataclasses.replace(observed, hosts={**observed.hosts, "C": facts}))
    assert "gossip (V26), published ports there (V06)" in found["V26", "C"].evidence
    assert found["V16", "C"].what == "the cable of C was not watched: its overlays go by IPv6"
    assert {one.severity for one in found.values()} == {"warning"}
