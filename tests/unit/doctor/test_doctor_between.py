"""Checks that compare hosts with each other, with the swarm and with the stack."""

from __future__ import annotations

import dataclasses
import datetime
from itertools import permutations
from pathlib import Path

import pytest
from unit.doctor.doctor_world import NOW, evidence, found
from unit.doctor.test_doctor_checks import certificate
from unit.verify.verify_world import ADDRESS

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.container_options import Ulimit
from swarmkit.declared.stack.service import Deploy, Network, Service, ServiceNetwork, Stack
from swarmkit.doctor.evidence import Evidence
from swarmkit.doctor.model import Paths, Way
from swarmkit.finding import Finding
from swarmkit.observed.dropping.rules import Drop
from swarmkit.observed.model import ClusterState, Node


def with_engine(cluster: Evidence, host: str, **changes: object) -> Evidence:
    """Return *cluster* with the engine of *host* changed, as all that look at it see it."""
    old = cluster.hosts[host].facts
    facts = dataclasses.replace(old, engine=dataclasses.replace(old.engine, **changes))
    hosts = {**cluster.hosts, host: dataclasses.replace(cluster.hosts[host], facts=facts)}
    observed = dataclasses.replace(cluster.observed, hosts={**cluster.observed.hosts, host: facts})
    return dataclasses.replace(cluster, hosts=hosts, observed=observed)


def all_engines(version: str) -> Evidence:
    cluster = evidence()
    for name in cluster.hosts:
        cluster = with_engine(cluster, name, version=version)
    return cluster


def cluster_of(seen: Evidence) -> ClusterState:
    assert seen.observed.cluster
    return seen.observed.cluster


def with_cluster(seen: Evidence, **changes: object) -> Evidence:
    cluster = dataclasses.replace(cluster_of(seen), **changes)
    return dataclasses.replace(seen, observed=dataclasses.replace(seen.observed, cluster=cluster))


def with_stack(seen: Evidence, *services: Service, networks: tuple[Network, ...] = ()) -> Evidence:
    return dataclasses.replace(seen, stack=Stack(Path("stack.yaml"), "shop", services, networks))


def the_one(seen: Evidence) -> Finding:
    (finding,) = found(seen)
    assert finding.remedy
    assert finding.evidence
    return finding


def with_address_of_b(seen: Evidence) -> Evidence:
    """Return *seen* where C has the address of B beside its own."""
    addresses = {**seen.hosts["C"].facts.system.addresses, ADDRESS["B"]: "eth0:1"}
    system = dataclasses.replace(seen.hosts["C"].facts.system, addresses=addresses)
    facts = dataclasses.replace(seen.hosts["C"].facts, system=system)
    return dataclasses.replace(seen, hosts={**seen.hosts, "C": dataclasses.replace(seen.hosts["C"], facts=facts)})


def test_a_host_that_has_another_s_address_too_is_told_with_what_takes_it_away() -> None:
    """Of a copied or a second address nothing was said: packets to that host went to either."""
    finding = the_one(with_address_of_b(evidence()))
    assert (finding.code, finding.severity, finding.where) == ("H36", "error", "C, B")
    assert finding.evidence == f"{ADDRESS['B']} on eth0:1 of C"
    assert f"on C: ip addr flush to {ADDRESS['B']}/32 dev eth0:1;" in finding.remedy


def test_what_does_not_pass_at_an_address_that_two_hosts_have_follows_from_that_unless_a_rule_drops_it() -> None:
    """Firewalls were blamed, and the address was told after them."""
    seen = with_address_of_b(evidence())
    rule = Drop("iptables", "filter", "INPUT", "-A INPUT -p udp -j DROP", is_sent=False)
    kinds = ("proto 50", "udp/7946", "tcp/7946")
    passing = [Way(one, other, kind, passes=True) for one, other in permutations("ABC", 2) for kind in kinds]
    closed = [
        Way("C", "B", "proto 50", passes=False, said="nothing arrived"),
        Way("B", "C", "tcp/7946", passes=False, said="timeout"),
        Way("A", "B", "udp/7946", passes=False, said="nothing arrived", drops=(rule,)),
        Way("A", "C", "tcp/7946", passes=False, said="timeout"),
    ]
    ends = {(way.source, way.target, way.kind) for way in closed}
    ways = [way for way in passing if (way.source, way.target, way.kind) not in ends]
    tried = dataclasses.replace(seen, paths=Paths((*ways, *closed), {}, {}))
    told = {one.where: one.follows_from for one in found(tried)}
    assert told == {"C, B": "", "C -> B": "H36", "B, A -> C": "", "A -> B": ""}


def test_a_host_that_nothing_reaches_at_an_address_that_another_has_too_is_cut_off_by_that() -> None:
    seen = with_address_of_b(evidence())
    kinds = ("proto 50", "udp/7946", "tcp/7946")
    ways = [
        Way(one, other, kind, passes="B" not in (one, other)) for one, other in permutations("ABC", 2) for kind in kinds
    ]
    cut = found(dataclasses.replace(seen, paths=Paths((*ways,), {}, {})))
    told = {(one.code, one.where): one.follows_from for one in cut}
    assert told == {("H36", "C, B"): "", ("H06", "A, C | B"): "H36", ("H07", "A, C | B"): "H36"}


def test_a_node_whose_address_left_its_host_is_found() -> None:
    finding = the_one(with_engine(evidence(), "C", swarm_state="active", node_addr="10.88.0.99"))
    assert (finding.code, finding.severity, finding.where) == ("H57", "error", "C")


def test_a_process_on_a_swarm_port_counts_while_the_host_is_in_no_swarm() -> None:
    taken = evidence(listening=frozenset({"7946/udp", "2377/tcp"}))
    assert found(taken) == []
    alone = with_engine(taken, "C", swarm_state="inactive")
    finding = next(finding for finding in found(alone) if finding.code == "D10")
    # A worker needs no 2377.
    assert (finding.where, "7946/udp" in finding.what, "2377" in finding.what) == ("C", True, False)


@pytest.mark.parametrize("port", ["4789/udp", "7946/udp"])
def test_the_data_path_port_of_a_swarm_that_a_host_left_is_the_kernels_and_no_obstacle(port: str) -> None:
    """An engine that left a swarm keeps a VXLAN device in a namespace, also over its restart."""
    taken = with_engine(evidence(listening=frozenset({port})), "C", swarm_state="inactive")
    named = [finding.evidence for finding in found(held(taken, {port: "nginx, pid 17"})) if finding.code == "D10"]
    assert named == ["nginx, pid 17 listens there and the host is in no swarm"]
    kernel = [finding for finding in found(held(taken, {port: ""})) if finding.code == "D10"]
    assert len(kernel) == (0 if port == "4789/udp" else 1)


def test_a_port_that_the_engine_itself_has_kept_from_an_earlier_swarm_is_let_go_by_its_restart() -> None:
    taken = with_engine(evidence(listening=frozenset({"7946/tcp", "7946/udp"})), "C", swarm_state="inactive")
    kept = held(taken, dict.fromkeys(("7946/tcp", "7946/udp"), "dockerd, pid 827"))
    finding = next(finding for finding in found(kept) if finding.code == "D10")
    assert finding.what == "its engine has the swarm's port 7946/tcp, 7946/udp"
    assert finding.remedy.startswith("on C: systemctl restart docker; ")
    assert finding.severity == "error"
    both = held(taken, {"7946/tcp": "dockerd, pid 827", "7946/udp": "nginx, pid 17"})
    assert "stop that" in next(finding for finding in found(both) if finding.code == "D10").remedy


def test_a_port_that_the_engine_has_kept_is_a_warning_where_up_may_start_it_again() -> None:
    """It was an error: up was refused for what it mends."""
    ports = frozenset({"7946/tcp", "7946/udp"})
    for running, severity in ((0, "warning"), (1, "error")):
        taken = with_engine(evidence(listening=ports), "C", swarm_state="inactive", running_containers=running)
        old = taken.hosts["C"]
        system = dataclasses.replace(old.facts.system, gossip=True, gossip_of_engine=True)
        facts = dataclasses.replace(old.facts, system=system)
        kept = dataclasses.replace(taken, hosts={**taken.hosts, "C": dataclasses.replace(old, facts=facts)})
        kept = held(kept, dict.fromkeys(ports, "dockerd, pid 827"))
        finding = next(finding for finding in found(kept) if finding.code == "D10")
        assert finding.severity == severity


def held(seen: Evidence, holders: dict[str, str]) -> Evidence:
    hosts = {name: dataclasses.replace(host, holders=holders) for name, host in seen.hosts.items()}
    return dataclasses.replace(seen, hosts=hosts)


def test_an_engines_own_pools_must_not_share_the_swarms() -> None:
    pools = {"DefaultAddressPools": [{"Base": "10.20.0.0/14", "Size": 24}]}
    assert the_one(with_cluster(evidence(info=pools), address_pools=("10.20.0.0/16",))).code == "H28"
    assert found(with_cluster(evidence(info=pools), address_pools=("10.30.0.0/16",))) == []


def test_a_node_whose_host_the_inventory_has_absent_is_to_leave_and_not_to_be_added() -> None:
    seen = evidence()
    leaving = (Host("gone", "203.0.113.9", "worker"),)
    seen = dataclasses.replace(seen, inventory=dataclasses.replace(seen.inventory, leaving=leaving))
    node = Node("n9", 1, "elsewhere", "worker", "active", {}, "ready", "203.0.113.9")
    finding = the_one(with_cluster(seen, nodes=(*cluster_of(seen).nodes, node)))
    assert (finding.code, finding.where, finding.remedy) == ("H63", "elsewhere", "swarmkit up")
    assert finding.what == "a node of the swarm is host gone, which the inventory has absent"


def test_what_a_join_left_that_never_ended_is_no_stranger_to_be_added() -> None:
    entry = Node("n9", 1, "", "worker", "active", {}, "unknown", "")
    finding = the_one(with_cluster(evidence(), nodes=(*cluster_of(evidence()).nodes, entry)))
    assert (finding.code, finding.where, finding.remedy) == ("H63", "node n9", "swarmkit up")
    assert finding.what == "the entry of a join that never ended is left"


def test_a_node_that_is_no_host_is_a_stranger_and_an_earlier_node_of_a_host_is_not() -> None:
    nodes = cluster_of(evidence()).nodes
    stranger = Node("n9", 1, "elsewhere", "worker", "active", {}, "ready", "203.0.113.9")
    finding = the_one(with_cluster(evidence(), nodes=(*nodes, stranger)))
    assert (finding.code, finding.where) == ("H63", "elsewhere")
    assert "rotate tokens" in finding.remedy
    unread = (Host("D", "203.0.113.9", "worker"),)
    silent = dataclasses.replace(with_cluster(evidence(), nodes=(*nodes, stranger)), unread=unread)
    assert "H63" not in {finding.code for finding in found(silent)}, "a host that does not answer is no stranger"
    down = dataclasses.replace(stranger, state="down", hostname=nodes[2].hostname)
    assert {finding.code for finding in found(with_cluster(evidence(), nodes=(*nodes, down)))} <= {"H52"}
    earlier = dataclasses.replace(stranger, hostname=nodes[2].hostname, address=nodes[2].address)
    assert found(with_cluster(evidence(), nodes=(*nodes, earlier))) == [], "the engine keeps its state elsewhere now"


def test_a_host_that_left_the_swarm_by_hand_is_told_with_what_lets_it_take_its_place_again() -> None:
    """Nothing was found of it: its node was down, and no host's."""
    seen = with_engine(evidence(), "C", swarm_state="inactive", node_id="")
    assert found(seen) == [], "as long as the managers do not see that it left"
    nodes = [dataclasses.replace(one, state="down") if one.id == "node-C" else one for one in cluster_of(seen).nodes]
    finding = the_one(with_cluster(seen, nodes=tuple(nodes)))
    assert (finding.code, finding.severity, finding.where) == ("H52", "warning", "C")
    assert finding.remedy == "let it take its place again: swarmkit node replace C"


def test_two_managers_bear_no_more_than_one() -> None:
    assert [finding.code for finding in found(dataclasses.replace(evidence(), managers_declared=2))] == ["H51"]


def test_engines_of_two_releases_are_told_with_the_way_to_one() -> None:
    seen = with_engine(all_engines("26.1.5+dfsg1"), "C", version="20.10.24+dfsg1")
    finding = the_one(seen)
    assert (finding.code, finding.severity, finding.where) == ("H61", "warning", "C")
    command = "swarmkit engine upgrade --version 26.1.5 --host C"
    assert finding.remedy == f"upgrade its engine to 26.1.5: {command}"
    bare = the_one(with_engine(seen, "C", swarm_state="inactive"))
    assert "on C: apt-get update && apt-get install --only-upgrade docker.io" in bare.remedy
    assert found(with_engine(all_engines("26.1.5"), "C", version="26.1.3")) == []


@pytest.mark.parametrize(
    ("version", "codes"),
    [
        ("20.10.23", ["H01"]),
        ("23.0.2", ["H01"]),
        ("25.0.13", ["H61"]),
        ("25.0.14", ["H05", "H61"]),
        ("25.0.15", ["H61"]),
        ("29.1.0", ["H05", "H61"]),
        ("29.2.1", ["H61"]),
        ("29.6.2", ["H61", "H69"]),
        ("29.7.0", ["H61"]),
    ],
)
def test_versions_known_to_fail_are_told(version: str, codes: list[str]) -> None:
    """Beside 20.10.24 on the other hosts."""
    seen = all_engines("20.10.24")
    told = {finding.code for finding in found(with_engine(seen, "C", version=version))}
    assert sorted(told) == sorted({*codes, *({"H61"} if version == "23.0.2" else set())})


@pytest.mark.parametrize(
    ("version", "port", "codes"), [("20.10.24", 7789, ["H08"] * 3), ("24.0.3", 7789, []), ("20.10.24", 4789, [])]
)
def test_an_own_data_path_port_needs_an_engine_that_encrypts_it(version: str, port: int, codes: list[str]) -> None:
    told = [finding.code for finding in found(with_cluster(all_engines(version), data_path_port=port))]
    assert [code for code in told if code == "H08"] == codes


def test_placement_preferences_want_managers_of_29() -> None:
    spread = Service("web", "web:1", deploy=Deploy(spread=("node.labels.rack",)))
    assert the_one(with_stack(all_engines("26.1.5"), spread)).code == "H84"
    assert found(with_stack(all_engines("29.2.1"), spread)) == []


def test_a_database_on_29_wants_its_open_files() -> None:
    database = Service("db", "registry.example/postgres:16", place="stack.yaml:3", deploy=Deploy(endpoint_mode="dnsrr"))
    finding = the_one(with_stack(all_engines("29.2.1"), database))
    assert (finding.code, finding.where) == ("H43", "db")
    limited = dataclasses.replace(database, ulimits=(Ulimit("nofile", 65536, 65536),))
    assert found(with_stack(all_engines("29.2.1"), limited)) == []
    assert found(with_stack(all_engines("26.1.5"), database)) == []


def test_a_database_behind_a_service_address_wants_keepalives() -> None:
    database = Service("db", "mariadb:11", networks=(ServiceNetwork("shop"),), place="stack.yaml:3")
    assert the_one(with_stack(evidence(), database)).code == "H21"
    kept = dataclasses.replace(database, sysctls={"net.ipv4.tcp_keepalive_time": "300"})
    direct = dataclasses.replace(database, deploy=Deploy(endpoint_mode="dnsrr"))
    assert found(with_stack(evidence(), kept, direct)) == []


def test_a_subnet_too_small_for_its_tasks_is_told_with_one_that_is_not() -> None:
    web = Service("web", "web:1", networks=(ServiceNetwork("shop"),), deploy=Deploy(replicas=20))
    small = Network("shop", "shop_shop", subnets=("10.9.0.0/28",))
    finding = the_one(with_stack(evidence(), web, networks=(small,)))
    assert (finding.code, finding.where) == ("H30", "shop_shop")
    assert "24 are needed" in finding.evidence
    assert "/27" in finding.remedy
    assert found(with_stack(evidence(), web, networks=(dataclasses.replace(small, subnets=("10.9.0.0/27",)),))) == []


def test_an_installers_host_name_is_told() -> None:
    seen = evidence()
    facts = seen.hosts["C"].facts
    system = dataclasses.replace(facts.system, hostname="localhost")
    host = dataclasses.replace(seen.hosts["C"], facts=dataclasses.replace(facts, system=system))
    codes = [
        (finding.code, finding.where) for finding in found(dataclasses.replace(seen, hosts={**seen.hosts, "C": host}))
    ]
    assert codes == [("H37", "C")]


def test_the_swarms_own_authority_ends_too() -> None:
    text = certificate(NOW - datetime.timedelta(days=7200), NOW + datetime.timedelta(days=100))
    finding = the_one(evidence(files={"/var/lib/docker/swarm/certificates/swarm-root-ca.crt": text}))
    assert (finding.code, finding.remedy) == ("H35", "swarmkit rotate ca")
