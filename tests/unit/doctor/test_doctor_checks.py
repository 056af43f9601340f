"""The doctor's checks on what hosts say: one thing wrong each time, its code, its place, its remedy."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from unit.doctor.doctor_world import NOW, card_of, evidence, found

from swarmkit.declared.stack.service import Network, Port, Service, Stack
from swarmkit.doctor.checks.host import check_reverse_path
from swarmkit.doctor.evidence import MTU_OPTION as _MTU
from swarmkit.doctor.evidence import Link
from swarmkit.doctor.examine import examine
from swarmkit.finding import Finding
from swarmkit.observed.networks import HostNetwork
from swarmkit.plan.refusals import host_refusals
from swarmkit.reach.ssh import SshSession
from swarmkit.verify.probe.look import HostLook
from swarmkit.verify.state.certificates import prove_certificates

ROOT = Path(__file__).parents[3]


SSHD = "Include /etc/ssh/sshd_config.d/*.conf\nMaxSessions 10"


def certificate(begin: datetime.datetime, end: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = builder.serial_number(1).not_valid_before(begin).not_valid_after(end).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("section", "text", "code", "severity"),
    [
        ("space", "4096 2038647 38647 524288 515500", "H38", "error"),
        ("space", "4096 5000000 375000 524288 515500", "H38", "warning"),
        ("space", "4096 2038647 1773735 520192 1192", "H38", "error"),
        ("units", "docker there", "D02", "warning"),
        ("units", "docker there\ndocker enabled\nfirewalld active", "H24", "warning"),
        ("drivers", "ens192 vmxnet3 ", "H10", "warning"),
        ("policies", "src 10.1.0.0/16 dst 10.2.0.0/16 \n\tdir out priority 1", "H18", "warning"),
        ("modules", "gone 6.12.0-1", "D06", "error"),
        ("modules", "modprobe: WARNING: Module xt_set not found in directory /lib/modules/6.1", "H22", "warning"),
        ("modules", "vmw_conn_notify", "H09", "warning"),
        ("modes", "604 /etc/ssh/ssh_host_rsa_key", "S22", "error"),
        ("modes", "640 /var/lib/docker/swarm/certificates/swarm-node.key", "S22", "error"),
        ("modes", "666 /run/docker.sock", "D05", "error"),
        ("dockerd", "/proc/9/cmdline:--iptables=false", "D08", "error"),
        ("dockerd", "/proc/9/environ:DOCKER_INSECURE_NO_IPTABLES_RAW=1", "H22", "warning"),
        ("user", "other", "S09", "warning"),
    ],
)
def test_what_one_host_says_is_found_there(section: str, text: str, code: str, severity: str) -> None:
    (finding,) = found(evidence(said={section: text}))
    assert (finding.code, finding.severity, finding.where) == (code, severity, "C")
    assert finding.remedy
    assert finding.evidence


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"/proc/sys/net/ipv4/ip_forward": "0"}, "H26"),
        ({"/proc/sys/net/bridge/bridge-nf-call-iptables": "0"}, "H26"),
        ({"/proc/sys/net/netfilter/nf_conntrack_count": "900"}, "D01"),
        ({"/proc/sys/net/ipv4/ip_local_port_range": "1024\t65000"}, "D04"),
        ({"/proc/meminfo": "MemTotal: 1000000 kB\nMemAvailable: 9000 kB"}, "D03"),
        ({"/etc/docker/daemon.json": '{\n "iptables": false\n}'}, "D08"),
        ({"/etc/ssh/sshd_config.d/hard.conf": "MaxSessions 2", "/etc/ssh/sshd_config": SSHD}, "S14"),
        ({"/etc/ssh/sshd_config": "MaxStartups=1:30:60"}, "S14"),
        ({"/etc/ssh/sshd_config": "Ciphers +aes128-cbc"}, "S20"),
        ({"/etc/ufw/ufw.conf": "ENABLED=yes", "/etc/default/ufw": "MANAGE_BUILTINS=yes"}, "H24"),
    ],
)
def test_what_a_file_of_one_host_says_is_found_there(files: dict[str, str], code: str) -> None:
    (finding,) = found(evidence(files=files))
    assert (finding.code, finding.where) == (code, "C")
    assert finding.remedy


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/proc/sys/net/ipv4/ip_forward", "containers do not reach other hosts"),
        ("/proc/sys/net/bridge/bridge-nf-call-iptables", "containers reach each other whatever networks"),
    ],
)
def test_what_a_setting_of_the_kernel_costs_is_told_of_that_one(path: str, what: str) -> None:
    """Of both the first was said; by the second containers reach other hosts, and each other too (seen on 26.1)."""
    (finding,) = found(evidence(files={path: "0"}))
    assert f"is 0: {what}" in finding.what


def test_a_card_whose_checksums_are_off_algorithms_taken_out_and_a_daemon_file_in_disorder_are_no_finding() -> None:
    files = {
        "/etc/ssh/sshd_config": "MACs -hmac-sha1",
        "/etc/docker/daemon.json": "{",
        "/etc/ufw/ufw.conf": "ENABLED=yes",
    }
    assert found(evidence(said={"drivers": "ens192 vmxnet3 off"}, files=files)) == []


@pytest.mark.parametrize(
    ("offload", "what", "first"),
    [
        ("on", "computes wrong checksums", "ethtool -K"),
        ("", "it does was not read", "apt-get install -y ethtool ||"),
    ],
)
def test_a_card_whose_offload_is_not_told_is_not_said_to_compute_wrong(offload: str, what: str, first: str) -> None:
    """Without ethtool every vmxnet3 was told to do so, with its offload off as well."""
    (finding,) = found(evidence(said={"drivers": f"ens192 vmxnet3 {offload}"}))
    assert finding.code == "H10"
    assert what in finding.what
    assert finding.remedy.startswith(f"on C: {first}")
    assert "ethtool -K ens192 tx-checksum-ip-generic off && echo 'ACTION" in finding.remedy
    assert finding.remedy.endswith("| tee /etc/udev/rules.d/90-vxlan-ens192.rules")


def test_a_file_that_flushes_all_rules_counts_where_its_service_is_enabled() -> None:
    files = {"/etc/nftables.conf": "#!/usr/sbin/nft -f\nflush ruleset"}
    assert found(evidence(files=files)) == []
    units = {"units": "docker there\ndocker enabled\nnftables enabled"}
    assert [finding.code for finding in found(evidence(said=units, files=files))] == ["H24"]


@pytest.mark.parametrize(
    ("name", "kind", "codes"),
    [
        ("eth9", "", ["H27"]),
        ("eth0.5", "vlan", ["H27"]),
        ("bond0", "bond", ["H27"]),
        ("br0", "bridge", ["H27"]),
        ("br-0123456789ab", "bridge", []),
        ("docker_gwbridge", "bridge", []),
        ("veth1", "veth", []),
    ],
)
def test_strict_reverse_path_filtering_counts_with_two_cards_and_as_the_stricter_of_both_settings(
    name: str, kind: str, codes: list[str]
) -> None:
    cluster = evidence(files={f"/proc/sys/net/ipv4/conf/{card_of('C')}/rp_filter": "1"})
    assert found(cluster) == []
    addresses = {**cluster.hosts["C"].facts.system.addresses, "192.168.7.7": name}
    links = (*cluster.hosts["C"].links, Link(name, 1500, "52:54:00:00:00:99", kind))
    system = dataclasses.replace(cluster.hosts["C"].facts.system, addresses=addresses)
    facts = dataclasses.replace(cluster.hosts["C"].facts, system=system)
    host = dataclasses.replace(cluster.hosts["C"], facts=facts, links=links)
    assert [finding.code for finding in check_reverse_path(host)] == codes


def test_a_shell_that_talks_and_a_server_without_strict_key_exchange_are_found() -> None:
    session = SshSession("SSH-2.0-OpenSSH_8.4p1", is_strict=False)
    codes = [finding.code for finding in found(evidence(session=session, noise="Welcome!\n"))]
    assert codes == ["S13", "S20"]
    assert found(evidence(session=SshSession("SSH-2.0-OpenSSH_9.2p1", is_strict=True), noise="\n")) == []


def test_an_engine_on_the_network_is_open_to_all() -> None:
    (finding,) = found(evidence(listening=frozenset({"2375/tcp"})))
    assert (finding.code, finding.severity) == ("D05", "error")


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("WARNING: API is accessible on http://0.0.0.0:4243 without encryption.\n Access to the remote API", "whoever"),
        ("[DEPRECATION NOTICE]: API is accessible on http://[::]:4243 without encryption.\n Access", "whoever"),
        ("WARNING: API is accessible on https://10.0.0.5:4243 without TLS client verification.\n", "whoever"),
        ("WARNING: API is accessible on http://127.0.0.1:4243 without encryption.", "every user"),
    ],
)
def test_an_engine_that_is_open_by_another_port_is_told_in_its_own_words(said: str, who: str) -> None:
    """Nothing but the port 2375 was looked for."""
    (finding,) = found(evidence(info={"Warnings": [said, "WARNING: No swap limit support"]}))
    assert (finding.code, finding.severity) == ("D05", "error")
    assert finding.what.startswith(who)
    assert "on C: grep -rnF -e 4243 " in finding.remedy
    assert ("--dport 4243 ! -i lo -j DROP" in finding.remedy) == (who == "whoever")


def test_an_engine_with_a_containerd_is_not_told_to_lack_one() -> None:
    assert found(evidence(info={"ContainerdCommit": {"ID": "1.7.24", "Expected": ""}})) == []
    assert found(evidence(info={"ContainerdCommit": {"ID": ""}})) == []


def test_an_engine_s_usual_port_is_told_once_and_as_it_is() -> None:
    said = "WARNING: API is accessible on http://127.0.0.1:2375 without encryption."
    (finding,) = found(evidence(info={"Warnings": [said]}, listening=frozenset({"2375/tcp"})))
    assert finding.what.startswith("every user")


def test_dockers_own_ipsec_policies_are_nobody_elses() -> None:
    policies = "src 10.88.0.11/32 dst 10.88.0.12/32 proto udp dport 4789 \n\tdir out\n\tmark 0xd0c4e3/0xffffffff \n"
    assert found(evidence(said={"policies": policies})) == []


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"FirewallBackend": {"Driver": "nftables"}}, "H23"),
        ({"SecurityOptions": ["name=userns"]}, "H41"),
        ({"CgroupVersion": "1"}, "H45"),
        ({"ContainerdCommit": {"ID": "N/A", "Expected": ""}}, "D16"),
        ({"Warnings": ["WARNING: No memory limit support"]}, "H45"),
        ({"HttpProxy": "http://proxy:3128", "NoProxy": "10.88.0.11/32"}, "B56"),
        ({"Driver": "vfs"}, "D09"),
        ({"Driver": "overlay2", "DriverStatus": [["Supports d_type", "false"]]}, "D09"),
    ],
)
def test_what_an_engine_tells_of_itself_is_found(info: dict[str, object], code: str) -> None:
    assert [finding.code for finding in found(evidence(info=info))] == [code]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("NTPSynchronized=no", "on C: timedatectl set-ntp true;"),
        ("Leap status     : Not synchronised", "on C: chronyc"),
        ("NTPSynchronized=yes", ""),
        ("Leap status     : Normal", ""),
        ("", ""),
    ],
)
def test_a_time_service_that_has_not_set_the_clock_is_a_warning(said: str, remedy: str) -> None:
    told = [(one.code, one.severity, one.remedy[: len(remedy)]) for one in found(evidence(said={"time": said}))]
    assert told == ([("H34", "warning", remedy)] if remedy else [])


def test_a_proxy_that_leaves_the_peers_out_is_no_finding() -> None:
    assert found(evidence(info={"HttpProxy": "http://proxy:3128", "NoProxy": "localhost,10.88.0.0/24"})) == []


def test_links_of_different_sizes_are_an_error_and_a_left_vxlan_link_a_warning() -> None:
    links = (
        Link(card_of("C"), 1400, "52:54:00:00:00:0f", ""),
        Link("vx-001001-abcde", 1450, "", "vxlan", 4097, 4789),
        Link("flannel.1", 1450, "", "vxlan", 1, 4789),
        Link("other", 1450, "", "vxlan", 1, 8472),
    )
    codes = {finding.code: finding for finding in found(evidence(links=links))}
    assert codes.keys() == {"H11", "H13", "H65", "D07"}
    assert "flannel.1" in codes["D07"].what
    assert codes["H65"].remedy == "on C: ip link delete vx-001001-abcde"
    assert "1400" in codes["H11"].remedy
    assert codes["H13"].severity == "error"
    smaller = "\n".join(f"on {name}: ip link set dev {card_of(name)} mtu 1400" for name in "AB")
    wider = f"on C: ip link set dev {card_of('C')} mtu 1500"
    assert codes["H13"].remedy == f"{smaller}\nor, where the line takes 1500 bytes and C was set by mistake: {wider}"


@pytest.mark.parametrize(("mtu", "codes"), [("1400", set()), ("1450", {"H11"})])
def test_smaller_links_are_none_for_networks_that_are_told_their_mtu(mtu: str, codes: set[str]) -> None:
    narrow = evidence(links=(Link(card_of("C"), 1400, "52:54:00:00:00:0f", ""),))
    external = HostNetwork("A", "n1", "shared", "overlay", "swarm", {"Options": {_MTU: "1400"}}, {})
    networks = (Network("net", "s_net", driver_options={_MTU: mtu}), Network("shared", "shared", external=True))
    seen = dataclasses.replace(narrow, stack=Stack(Path("s.yaml"), "s", (), networks), networks=(external,))
    assert {finding.code for finding in found(seen)} - {"H13"} == codes


@pytest.mark.parametrize(("mtu", "severity"), [(None, "warning"), ("8000", "error")])
def test_larger_links_of_some_hosts_lose_nothing_of_overlays_that_keep_to_the_smallest(
    mtu: str | None, severity: str
) -> None:
    """They were an error, for which up refused, and no frame that large is ever sent."""
    wide = evidence(links=(Link(card_of("C"), 9000, "52:54:00:00:00:0f", ""),))
    live = HostNetwork("A", "n1", "shared", "overlay", "swarm", {"Options": {_MTU: mtu} if mtu else {}}, {})
    (finding,) = found(dataclasses.replace(wide, networks=(live,)))
    assert (finding.code, finding.severity) == ("H13", severity)
    assert ("of 1500 bytes at most, pass" in finding.what) == (severity == "warning")
    assert finding.remedy == f"on C: ip link set dev {card_of('C')} mtu 1500"


def test_ingress_on_smaller_links_is_a_warning_while_a_service_publishes_by_it() -> None:
    narrow = evidence(links=(Link(card_of("C"), 1400, "52:54:00:00:00:0f", ""),))
    network = Network("net", "s_net", driver_options={_MTU: "1400"})
    meshed, on_host = (
        Service("web", "i:1", ports=(Port(80, 8080),)),
        Service("dns", "i:1", ports=(Port(53, 53, mode="host"),)),
    )

    def told(*services: Service, options: dict[str, str]) -> list[Finding]:
        ingress = HostNetwork("A", "n0", "ingress", "overlay", "swarm", {"Ingress": True, "Options": options}, {})
        stack = Stack(Path("s.yaml"), "s", services, (network,))
        return [
            one for one in found(dataclasses.replace(narrow, stack=stack, networks=(ingress,))) if one.code != "H13"
        ]

    (finding,) = told(meshed, on_host, options={"encrypted": ""})
    assert (finding.code, finding.severity, finding.where) == ("H11", "warning", "C")
    assert finding.evidence.endswith("published by it: web")
    assert "--ingress --opt encrypted --opt com.docker.network.driver.mtu=1400 ingress" in finding.remedy
    assert told(on_host, options={}) == []
    assert told(meshed, options={_MTU: "1400"}) == []
    # Before the swarm is there, and with none of its managers read.
    workers = tuple(host for host in narrow.inventory.hosts if host.role != "manager")
    narrow = dataclasses.replace(
        narrow,
        observed=dataclasses.replace(narrow.observed, cluster=None),
        inventory=dataclasses.replace(narrow.inventory, hosts=workers),
    )
    (finding,) = (one for one in told(meshed, options={}) if one.code == "H11")
    assert finding.remedy.startswith("make the swarm first (swarmkit up without -f); then on a manager: echo y | ")


def test_a_copy_of_a_node_s_state_is_told_to_leave() -> None:
    seen = evidence().observed
    node_id = seen.hosts["A"].engine.node_id
    twin = dataclasses.replace(seen.hosts["C"], engine=dataclasses.replace(seen.hosts["C"].engine, node_id=node_id))
    seen = dataclasses.replace(seen, hosts={**seen.hosts, "C": twin})
    (finding,) = (one for one in host_refusals(evidence().inventory, seen, adopt=True) if one.code == "H36")
    assert (finding.where, finding.evidence) == ("A, C", node_id)
    assert "docker swarm leave --force" in finding.remedy


def test_hosts_with_one_mac_address_or_one_ssh_host_key_are_clones() -> None:
    links = (Link(card_of("C"), 1500, "52:54:00:00:00:00", ""),)
    (finding,) = found(evidence(links=links))
    assert (finding.code, finding.where) == ("H36", "A, C")
    key = {"/etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAA root@copy"}
    cluster = evidence(files=key)
    twin = dataclasses.replace(cluster.hosts["A"], said=cluster.hosts["C"].said)
    (finding,) = found(dataclasses.replace(cluster, hosts={**cluster.hosts, "A": twin}))
    assert (finding.code, finding.where, finding.evidence) == ("H36", "A, C", "AAAA")
    assert "ssh-keygen -A" in finding.remedy


def test_the_host_key_that_a_server_showed_counts_where_its_files_say_another() -> None:
    """Only the private half was copied."""
    shown = SshSession("SSH-2.0-OpenSSH_9.2p1", is_strict=True, host_key="AAAA")
    cluster = evidence(session=shown)
    twin = dataclasses.replace(cluster.hosts["A"], session=shown)
    (finding,) = found(dataclasses.replace(cluster, hosts={**cluster.hosts, "A": twin}))
    assert (finding.code, finding.where, finding.evidence) == ("H36", "A, C", "AAAA")


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
    findings = found(evidence(files={"/var/lib/docker/swarm/certificates/swarm-node.crt": text}))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def test_verify_tells_the_commands_of_the_doctor_for_a_certificate_that_has_ended() -> None:
    text = certificate(NOW - datetime.timedelta(days=90), NOW - datetime.timedelta(days=1))
    cluster = evidence(files={"/var/lib/docker/swarm/certificates/swarm-node.crt": text})
    (of_doctor,) = [finding for finding in found(cluster) if finding.code == "H35"]
    looks = {of_doctor.where: HostLook({}, {}, {}, certificate=text)}
    (of_verify,) = prove_certificates(looks, cluster.observed, NOW)
    assert (of_verify.code, of_verify.remedy) == ("V22", of_doctor.remedy)


def test_only_and_skip_choose_by_code() -> None:
    cluster = evidence(said={"units": "docker there", "space": "4096 2038647 38647 524288 515500"})
    assert [finding.code for finding in examine(cluster, now=NOW, only=["D02"])] == ["D02"]
    assert "D02" not in [finding.code for finding in examine(cluster, now=NOW, skip=["D02"])]
