"""Checks of what hosts are addressed by, of what is open to whom, and of ranges that run into each other."""

from __future__ import annotations

import dataclasses

import pytest
from unit.doctor.doctor_world import card_of, evidence, found
from unit.doctor.test_doctor_between import the_one, with_cluster, with_engine, with_stack

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.service import Network
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.looked_for import looked_for
from swarmkit.doctor.paths import peers_of
from swarmkit.observed.dropping.reading import parse_rules
from swarmkit.observed.model import Route
from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.networks.pools import pool_refusals


def declared(seen: Evidence, host: str, **changes: object) -> Evidence:
    """Return *seen* with the inventory's *host* changed."""
    hosts = [dataclasses.replace(one, **changes) if one.name == host else one for one in seen.inventory.hosts]
    return dataclasses.replace(seen, inventory=dataclasses.replace(seen.inventory, hosts=tuple(hosts)))


def with_system(seen: Evidence, host: str, **changes: object) -> Evidence:
    """Return *seen* with what the system of *host* tells changed, as all that look at it see it."""
    old = seen.hosts[host].facts
    facts = dataclasses.replace(old, system=dataclasses.replace(old.system, **changes))
    hosts = {**seen.hosts, host: dataclasses.replace(seen.hosts[host], facts=facts)}
    observed = dataclasses.replace(seen.observed, hosts={**seen.observed.hosts, host: facts})
    return dataclasses.replace(seen, hosts=hosts, observed=observed)


def carrying(seen: Evidence, host: str, **addresses: str) -> Evidence:
    """Return *seen* with *host* having more addresses, by device."""
    own = {address: device for device, address in addresses.items()}
    return with_system(seen, host, addresses={**seen.hosts[host].facts.system.addresses, **own})


def test_an_overlay_over_ipv6_is_told_with_the_mtu_that_leaves_room() -> None:
    seen = declared(carrying(evidence(), "C", eth9="fd00::13"), "C", advertise_addr="fd00::13")
    finding = next(one for one in found(seen) if one.code == "H12")
    assert (finding.severity, finding.where, finding.evidence) == ("warning", "C", "fd00::13")
    assert "com.docker.network.driver.mtu: '1480'" in finding.remedy
    networks = (Network("net", "s_net", driver_options={"com.docker.network.driver.mtu": "1480"}),)
    assert "H12" not in {one.code for one in found(with_stack(seen, networks=networks))}


def test_an_overlay_over_the_ipv6_address_by_which_a_host_is_reached_is_told_by_its_own_link() -> None:
    """H12 looked at the declared address alone, and at the link of hosts that have IPv4."""
    seen = declared(with_system(evidence(), "C", addresses={"fd00::13": card_of("C")}), "C", address="fd00::13")
    host = seen.hosts["C"]
    wide = dataclasses.replace(host, links=(dataclasses.replace(host.links[0], mtu_bytes=1400),))
    seen = dataclasses.replace(seen, hosts={**seen.hosts, "C": wide})
    finding = next(one for one in found(seen) if one.code == "H12")
    assert (finding.where, finding.evidence) == ("C", "fd00::13")
    assert "com.docker.network.driver.mtu: '1380'" in finding.remedy
    by_ipv4 = declared(seen, "C", data_path_addr="10.88.0.13")
    assert "H12" not in {one.code for one in found(by_ipv4)}


def test_hosts_that_are_reached_by_ipv6_are_told_to_be_untried_each_with_its_address() -> None:
    """No packet was sent, and nothing told of it: no finding, no matrix, and the swarm was made."""
    seen = evidence()
    for name in "ABC":
        address = f"fd00::{name.lower()}"
        seen = declared(with_system(seen, name, addresses={address: "eth0"}), name, address=address)
    assert peers_of(seen.inventory, seen.observed) == {}
    told = [one for one in found(seen) if one.code == "H07"]
    assert [(one.severity, one.where) for one in told] == [("warning", "A"), ("warning", "B"), ("warning", "C")]
    assert told[0].evidence.startswith("fd00::a; packets are sent by IPv4 alone")
    assert "nc -6 -zv -w 3 fd00::a 7946 && nc -6 -zv -w 3 fd00::a 2377" in told[0].remedy
    assert "H07" in looked_for(seen)
    assert "H06" not in looked_for(seen)


def test_a_node_that_the_swarm_knows_by_another_of_its_addresses_is_told_with_both() -> None:
    seen = declared(carrying(evidence(), "C", eth9="10.99.0.13"), "C", advertise_addr="10.99.0.13")
    finding = the_one(seen)
    assert (finding.code, finding.severity, finding.where) == ("H32", "error", "C")
    assert finding.evidence == "declared 10.99.0.13, the swarm has 10.88.0.13"


def test_a_node_that_advertises_another_address_than_managers_list_it_by_is_told() -> None:
    """Managers list the address that it comes from, which was the declared one."""
    seen = with_engine(carrying(evidence(), "C", eth9="10.99.0.13"), "C", node_addr="10.99.0.13")
    finding = the_one(declared(seen, "C", advertise_addr="10.88.0.13"))
    assert finding.code == "H32"
    assert finding.evidence == "declared 10.88.0.13, the swarm has 10.99.0.13"


@pytest.mark.parametrize(
    ("address", "seen"), [("8.8.4.4", "8.8.4.4 on eth9"), ("2001:4860::13", "2001:4860::13 on eth9"), ("10.9.9.9", "")]
)
def test_a_second_card_with_a_public_address_opens_the_swarms_ports_to_everybody(address: str, seen: str) -> None:
    findings = found(carrying(evidence(), "C", eth9=address))
    assert [(one.code, one.where, one.evidence) for one in findings] == ([("H33", "C", seen)] if seen else [])


CLOSED = """== iptables
*filter
:INPUT ACCEPT [0:0]
:SWARM-PEERS - [0:0]
{more}-A INPUT -d 8.8.4.4/32 -p udp -m multiport --dports 7946,4789 -j SWARM-PEERS
-A INPUT -d 8.8.4.4/32 -p tcp -m multiport --dports 2377,7946 -j SWARM-PEERS
-A SWARM-PEERS -s 10.88.0.11/32 -j RETURN
-A SWARM-PEERS -j DROP
COMMIT
== end
"""


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ("", []),
        ("-A INPUT -p udp -m udp --dport 7946 -j ACCEPT\n", ["H33"]),
        ("gone", ["H33"]),
        ("bogons", ["H33"]),
    ],
)
def test_a_public_address_whose_swarm_ports_the_hosts_own_rules_close_is_no_finding(
    more: str, codes: list[str]
) -> None:
    bogons = CLOSED.format(more="-A INPUT -s 198.51.100.0/24 -j DROP\n-A INPUT -s 9.0.0.0/8 -j DROP\n").replace(
        "-d 8.8.4.4/32", "-d 8.8.8.8/32"
    )
    text = {"gone": "", "bogons": bogons}.get(more, CLOSED.format(more=more))
    rules = parse_rules(text)
    seen = dataclasses.replace(carrying(evidence(), "C", eth9="8.8.4.4"), rules={"C": rules} if rules else {})
    assert [one.code for one in found(seen)] == codes


def test_the_rules_for_a_public_address_let_the_hosts_in_and_leave_ssh_and_other_addresses_alone() -> None:
    seen = dataclasses.replace(carrying(evidence(), "C", eth9="8.8.4.4"), unread=(Host("D", "10.88.0.14", "worker"),))
    rules = the_one(seen).remedy.splitlines()[1].split(" && ")
    passed = [f"iptables -w -A SWARM-PEERS -s 10.88.0.{number} -j RETURN" for number in (11, 12, 13, 14)]
    assert set(passed) <= set(rules[: rules.index("iptables -w -A SWARM-PEERS -j DROP")])
    inserted = [rule for rule in rules if "INPUT" in rule]
    assert inserted == [
        "iptables -w -I INPUT -d 8.8.4.4 -p tcp -m multiport --dports 2377,7946 -j SWARM-PEERS",
        "iptables -w -I INPUT -d 8.8.4.4 -p udp -m multiport --dports 7946,4789 -j SWARM-PEERS",
    ]


def network(host: str, name: str, subnet: str, driver: str = "overlay", scope: str = "swarm") -> HostNetwork:
    raw = {"IPAM": {"Config": [{"Subnet": subnet}]}}
    return HostNetwork(host, f"id-{name}", name, driver, scope, raw, {})


def test_a_network_of_a_swarm_that_a_host_has_left_is_told_with_its_removal() -> None:
    seen = dataclasses.replace(evidence(), networks=(network("C", "old_shop", "10.20.7.0/24"),))
    assert found(seen) == []
    finding = next(one for one in found(with_engine(seen, "C", swarm_state="inactive")) if one.code == "H64")
    assert (finding.severity, finding.where) == ("warning", "C")
    assert finding.remedy.startswith("on C: docker network rm old_shop")


def test_networks_that_overlap_on_a_host_an_ingress_outside_and_a_pool_without_rest_are_told() -> None:
    bridges = [network("C", name, "172.30.0.0/16", "bridge", "local") for name in ("one", "two")]
    seen = dataclasses.replace(evidence(), networks=tuple(bridges))
    assert (the_one(seen).code, the_one(seen).where) == ("H28", "C")
    ingress = network("A", "ingress", "10.255.0.0/16")
    pooled = with_cluster(dataclasses.replace(evidence(), networks=(ingress,)), address_pools=("10.20.0.0/16",))
    assert (the_one(pooled).code, the_one(pooled).evidence) == ("H29", "the swarm's pools: 10.20.0.0/16")
    full = network("A", "shop", "10.20.0.0/24")
    pooled = with_cluster(dataclasses.replace(evidence(), networks=(full,)), address_pools=("10.20.0.0/24",))
    assert (the_one(pooled).code, the_one(pooled).where) == ("H30", "10.20.0.0/24")


def test_the_engines_own_bridge_that_its_new_data_folder_does_not_know_is_no_other_route() -> None:
    """With userns-remap, or its folder wiped, an engine knows it no more; the other hosts' were to be removed."""
    gateways = tuple(network(host, "docker_gwbridge", "172.18.0.0/16", "bridge", "local") for host in "AC")
    for device, codes in (("docker_gwbridge", []), ("eth1", ["H28"])):
        seen = with_system(evidence(), "B", routes=(Route("172.18.0.0/16", device),))
        seen = dataclasses.replace(seen, networks=(*seen.networks, *gateways))
        assert [one.code for one in found(seen)] == codes


def test_a_pool_over_a_route_is_told_with_the_route() -> None:
    seen = with_system(evidence(), "C", routes=(Route("10.20.7.0/24", "eth0"),))
    (finding,) = pool_refusals(["10.20.0.0/16"], seen.observed)
    assert (finding.code, finding.where) == ("B26", "C")
    assert finding.evidence == "ip route of C has 10.20.7.0/24 dev eth0"
    assert list(pool_refusals(["10.30.0.0/16"], seen.observed)) == []


def test_host_names_that_differ_in_capitals_are_one() -> None:
    seen = evidence()
    other = seen.hosts["A"].facts.system.hostname
    finding = the_one(with_system(seen, "C", hostname=other.swapcase()))
    assert (finding.code, finding.severity, finding.where) == ("H37", "error", "A, C")
