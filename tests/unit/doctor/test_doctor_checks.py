"""The doctor's checks on what hosts say: one thing wrong each time, its code, its place, its remedy."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from unit.verify.verify_world import World

import swarmkit.doctor
from swarmkit.doctor.codes import EXPLANATIONS, NOT_OVERRIDABLE
from swarmkit.doctor.evidence import Evidence, HostEvidence, Link
from swarmkit.doctor.examine import examine
from swarmkit.doctor.model import Paths
from swarmkit.doctor.paths import paths_from, peers_of
from swarmkit.finding import Finding
from swarmkit.report.doctor import document

ROOT = Path(__file__).parents[3]
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
HEALTHY = {
    "kernel": "ip_forward 1\nbridge_nf 1\nrp_filter 0\nconntrack_max 1000\nconntrack_count 10",
    "disk": "/dev/root 8154588 753536 6965240 10% /",
    "inodes": "/dev/root 520192 30000 490192 6% /",
    "boot": "enabled",
}


def evidence(
    *,
    said: Mapping[str, str] | None = None,
    links: tuple[Link, ...] | None = None,
    info: Mapping[str, object] | None = None,
) -> Evidence:
    """Return a healthy cluster whose host C says *said*, has *links*, and whose engine there tells *info*."""
    world = World()
    observed = world.observed
    hosts = {}
    for number, (name, facts) in enumerate(observed.hosts.items()):
        card = next(iter(facts.system.addresses.values()), "eth0")
        own = (Link(card, 1500, f"52:54:00:00:00:0{number}", ""),)
        mine = name == "C"
        hosts[name] = HostEvidence(
            facts,
            dict(info or {}) if mine else {},
            links if mine and links is not None else own,
            {**HEALTHY, **(said or {})} if mine else HEALTHY,
            frozenset(),
        )
    peers = peers_of(world.inventory, observed)
    return Evidence(world.inventory, None, observed, hosts, (), Paths((), {}, {}), peers)


def found(cluster: Evidence) -> list[Finding]:
    healthy = {finding.code for finding in examine(evidence(), now=NOW)}
    return [finding for finding in examine(cluster, now=NOW) if finding.code not in healthy]


def card_of(name: str) -> str:
    return next(iter(World().observed.hosts[name].system.addresses.values()))


def certificate(begin: datetime.datetime, end: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = builder.serial_number(1).not_valid_before(begin).not_valid_after(end).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("section", "text", "code", "severity"),
    [
        ("disk", "/dev/root 8154588 8000000 154588 98% /", "H38", "error"),
        ("disk", "/dev/root 20000000 18500000 1500000 93% /", "H38", "warning"),
        ("inodes", "/dev/root 520192 519000 1192 99% /", "H38", "error"),
        ("kernel", "ip_forward 0", "H26", "error"),
        ("kernel", "bridge_nf 0", "H26", "error"),
        ("kernel", "conntrack_max 1000\nconntrack_count 900", "D01", "warning"),
        ("boot", "disabled", "D02", "warning"),
        ("drivers", "ens192 /sys/bus/pci/drivers/vmxnet3", "H10", "warning"),
        ("policies", "src 10.1.0.0/16 dst 10.2.0.0/16 \n\tdir out priority 1", "H18", "warning"),
    ],
)
def test_what_one_host_says_is_found_there(section: str, text: str, code: str, severity: str) -> None:
    (finding,) = found(evidence(said={section: text}))
    assert (finding.code, finding.severity, finding.where) == (code, severity, "C")
    assert finding.remedy


def test_dockers_own_ipsec_policies_are_nobody_elses() -> None:
    policies = "src 10.88.0.11/32 dst 10.88.0.12/32 proto udp dport 4789 \n\tdir out\n\tmark 0xd0c4e3/0xffffffff \n"
    assert found(evidence(said={"policies": policies})) == []


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"FirewallBackend": {"Driver": "nftables"}}, "H23"),
        ({"SecurityOptions": ["name=userns"]}, "H41"),
        ({"CgroupVersion": "1"}, "H45"),
        ({"Warnings": ["WARNING: No memory limit support"]}, "H45"),
        ({"HttpProxy": "http://proxy:3128", "NoProxy": "10.88.0.11/32"}, "B56"),
    ],
)
def test_what_an_engine_tells_of_itself_is_found(info: dict[str, object], code: str) -> None:
    assert [finding.code for finding in found(evidence(info=info))] == [code]


def test_a_proxy_that_leaves_the_peers_out_is_no_finding() -> None:
    assert found(evidence(info={"HttpProxy": "http://proxy:3128", "NoProxy": "localhost,10.88.0.0/24"})) == []


def test_links_of_different_sizes_are_an_error_and_a_left_vxlan_link_a_warning() -> None:
    links = (Link(card_of("C"), 1400, "52:54:00:00:00:0f", ""), Link("vx-001001-abcde", 1450, "", "vxlan", 4097))
    codes = {finding.code: finding for finding in found(evidence(links=links))}
    assert codes.keys() == {"H11", "H13", "H65"}
    assert "1400" in codes["H11"].remedy


def test_hosts_with_one_mac_address_are_clones() -> None:
    links = (Link(card_of("C"), 1500, "52:54:00:00:00:00", ""),)
    (finding,) = found(evidence(links=links))
    assert (finding.code, finding.where) == ("H36", "A, C")


@pytest.mark.parametrize(
    ("begin", "end", "severity"),
    [
        (-90, -1, "error"),
        (-85, 5, "warning"),
        (-40, 50, None),
    ],
)
def test_a_certificate_is_told_when_it_has_ended_or_was_not_renewed(begin: int, end: int, severity: str | None) -> None:
    text = certificate(NOW + datetime.timedelta(days=begin), NOW + datetime.timedelta(days=end))
    findings = found(evidence(said={"certificate": text}))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


Said = dict[str, list[list[str]] | Exception]


def all_of_it(host: str, words: list[str]) -> bool:
    del host, words
    return True


def answers(change: Callable[[str, list[str]], bool] = all_of_it) -> Said:
    """Return what three hosts hear of each other when all passes, without the lines that *change* refuses."""
    address = {"0": "10.88.0.11", "1": "10.88.0.12", "2": "10.88.0.13"}
    said: Said = {}
    for own, host in (("0", "A"), ("1", "B"), ("2", "C")):
        lines = [
            ["heard", peer, kind, f"{address[peer]} 1500"]
            for peer in address
            for kind in ("esp", "udp7946", "udpdata", "full")
            if peer != own
        ]
        lines += [["tcp", peer, port, "ok"] for peer in address for port in ("7946", "2377") if peer != own]
        said[host] = [words for words in lines if change(host, words)]
    return said


def paths(said: Said) -> Evidence:
    cluster = evidence()
    return dataclasses.replace(cluster, paths=paths_from(cluster.peers, said, 4789))


def test_a_way_that_does_not_pass_is_told_with_the_rules_for_each_firewall() -> None:
    (finding,) = found(paths(answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "esp"]))))
    assert (finding.code, finding.where) == ("H06", "A -> B")
    for rule in (
        "iptables -I INPUT -s 10.88.0.11 -p esp",
        "ufw allow from 10.88.0.11 proto esp",
        "firewall-cmd",
        "nft",
    ):
        assert rule in finding.remedy
    assert "security group: allow protocol 50" in finding.remedy


def test_a_refused_connection_whose_packet_arrived_passes_and_one_that_did_not_is_blocked() -> None:
    said = answers(lambda host, words: words[:3] != ["tcp", "1", "7946"] or host != "A")
    assert isinstance(said["A"], list)
    said["A"].append(["tcp", "1", "7946", "Connection refused"])
    assert [finding.where for finding in found(paths(said))] == ["A -> B"]
    assert isinstance(said["B"], list)
    said["B"].append(["heard", "0", "tcp7946", "10.88.0.11 0"])
    assert found(paths(said)) == []


def test_an_address_translated_on_the_way_is_told() -> None:
    said = answers(lambda host, words: not (host == "B" and words[1:3] == ["0", "udpdata"]))
    assert isinstance(said["B"], list)
    said["B"].append(["heard", "0", "udpdata", "192.0.2.7 1500"])
    (finding,) = found(paths(said))
    assert (finding.code, finding.where) == ("H17", "A -> B")
    assert "192.0.2.7" in finding.what


def test_a_host_from_which_nothing_could_be_sent_is_told_and_blames_no_way() -> None:
    said = answers()
    said["C"] = RuntimeError("no perl")
    (finding,) = found(paths(said))
    assert (finding.severity, finding.where) == ("warning", "C")


def test_workers_are_asked_for_no_manager_port() -> None:
    kinds = {(way.target, way.kind) for way in paths(answers()).paths.ways}
    assert ("A", "tcp/2377") in kinds
    assert ("B", "tcp/2377") not in kinds


def test_only_and_skip_choose_by_code() -> None:
    cluster = evidence(said={"boot": "disabled", "disk": "/dev/root 8154588 8000000 154588 98% /"})
    assert [finding.code for finding in examine(cluster, now=NOW, only=["D02"])] == ["D02"]
    assert "D02" not in [finding.code for finding in examine(cluster, now=NOW, skip=["D02"])]


def test_every_code_a_check_can_yield_is_explained_and_the_document_is_current() -> None:
    folder = Path(swarmkit.doctor.__file__).parent
    sources = [*folder.glob("*checks.py"), folder / "paths.py", folder.parent / "plan" / "refusals.py"]
    used = {code for source in sources for code in re.findall(r'"([BDH]\d\d)"', source.read_text())}
    assert used - EXPLANATIONS.keys() == {"B17"}
    assert EXPLANATIONS.keys() >= NOT_OVERRIDABLE
    assert (ROOT / "docs" / "checks.md").read_text() == document()
