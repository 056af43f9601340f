"""Remedies are commands, and do what they say: those that write files are run here, on copies of the files."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from unit.doctor.doctor_world import evidence, found
from unit.doctor.test_doctor_addresses import declared, with_system
from unit.doctor.test_doctor_between import with_cluster, with_engine

from swarmkit.observed.model import Route

SSHD = "/etc/ssh/sshd_config"
HARD = f"{SSHD}.d/hard.conf"
BEFORE = f"{SSHD}.d/00-a.conf"
OWN = f"{SSHD}.d/00-swarmkit.conf"
INCLUDE = f"# sshd_config\n\nInclude {SSHD}.d/*.conf"
RELOAD = "sshd -t && { systemctl reload ssh || systemctl reload sshd; }"


@pytest.mark.parametrize(
    ("files", "line", "where"),
    [
        ({HARD: "MaxSessions 2", SSHD: INCLUDE}, "MaxSessions 10", OWN),
        ({BEFORE: "MaxSessions 2", SSHD: INCLUDE}, "MaxSessions 10", SSHD),
        ({SSHD: "MaxSessions 2"}, "MaxSessions 10", SSHD),
        ({SSHD: f"MaxStartups 1:30:60\n{INCLUDE}"}, "MaxStartups 10:30:100", SSHD),
        ({SSHD: f"{INCLUDE}\nCiphers +aes128-cbc,3des-cbc"}, "Ciphers -aes128-cbc,3des-cbc", OWN),
    ],
)
def test_what_mends_an_ssh_server_is_written_where_sshd_reads_it_first(
    files: dict[str, str], line: str, where: str, tmp_path: Path
) -> None:
    (finding,) = found(evidence(files=files))
    command, _, reload = finding.remedy.removeprefix("on C: ").partition(" && ")
    assert reload == RELOAD
    assert line in command
    (tmp_path / f"{SSHD}.d"[1:]).mkdir(parents=True)
    for path, text in files.items():
        (tmp_path / path[1:]).write_text(text + "\n")
    subprocess.run(["/bin/sh", "-c", command.replace("/etc/", f"{tmp_path}/etc/")], check=True)
    after = {path: (tmp_path / path[1:]).read_text() for path in {*files, where}}
    assert line in after[where].splitlines()
    assert found(evidence(files=after)) == []


def test_two_kernel_settings_go_to_two_files() -> None:
    files = {"/proc/sys/net/ipv4/ip_forward": "0", "/proc/sys/net/bridge/bridge-nf-call-iptables": "0"}
    findings = found(evidence(files=files))
    assert [finding.code for finding in findings] == ["H26", "H26"]
    written = {re.findall(r"\| tee (/etc/sysctl.d/\S+) && sysctl --system", finding.remedy)[0] for finding in findings}
    assert len(written) == 2


@pytest.mark.parametrize(
    "main", [f"MaxSessions 10\n{INCLUDE}", "MaxSessions 10", f"Match User admin\n MaxSessions 2\n{INCLUDE}"]
)
def test_what_sshd_does_not_read_or_reads_later_or_for_some_users_only_is_no_finding(main: str) -> None:
    assert found(evidence(files={HARD: "MaxSessions 2", SSHD: main})) == []


def run(remedy: str, *writes: str, folder: Path) -> None:
    """Run what of *remedy* for C begins with a command of *writes*, beneath *folder*."""
    commands = remedy.removeprefix("on C: ").split("; ")[0].split(" && ")
    done = [command for command in commands if command.split()[0] in writes]
    assert done
    for command in done:
        subprocess.run(["/bin/sh", "-c", command.replace("/etc/", f"{folder}/etc/")], check=True)


@pytest.mark.parametrize(
    ("settings", "info", "code", "after"),
    [
        ({"iptables": False, "debug": True}, {}, "D08", {"iptables": True, "debug": True}),
        (
            {"firewall-backend": "nftables", "mtu": 1450},
            {"FirewallBackend": {"Driver": "nftables"}},
            "H23",
            {"firewall-backend": "iptables", "mtu": 1450},
        ),
    ],
)
def test_a_setting_in_the_engines_file_is_changed_there_and_the_rest_left(
    settings: dict[str, object], info: dict[str, object], code: str, after: dict[str, object], tmp_path: Path
) -> None:
    path = tmp_path / "etc/docker/daemon.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(settings, indent=2))
    (finding,) = found(evidence(files={"/etc/docker/daemon.json": path.read_text()}, info=info))
    assert finding.code == code
    assert finding.remedy.endswith("&& systemctl restart docker")
    run(finding.remedy, "sed", folder=tmp_path)
    assert json.loads(path.read_text()) == after


@pytest.mark.parametrize(
    ("said", "info", "option"),
    [
        ({"dockerd": "/proc/9/cmdline:--iptables=false"}, {}, "--iptables=false"),
        ({"dockerd": "/proc/9/environ:DOCKER_INSECURE_NO_IPTABLES_RAW=1"}, {}, "DOCKER_INSECURE_NO_IPTABLES_RAW"),
        ({}, {"FirewallBackend": {"Driver": "nftables"}}, "--firewall-backend"),
    ],
)
def test_what_stands_in_no_file_of_the_engines_is_looked_for_in_its_unit(
    said: dict[str, str], info: dict[str, object], option: str
) -> None:
    (finding,) = found(evidence(said=said, info=info))
    assert finding.remedy.startswith(f"on C: grep -rnF -e {option} /etc/docker ")


def test_the_peers_are_added_to_the_proxys_exceptions_by_a_file_of_the_unit(tmp_path: Path) -> None:
    proxy = {"HttpProxy": "http://proxy:3128", "NoProxy": "localhost,10.88.0.11/32"}
    (finding,) = found(evidence(info=proxy))
    run(finding.remedy, "mkdir", "printf", folder=tmp_path)
    written = (tmp_path / "etc/systemd/system/docker.service.d/zz-swarmkit.conf").read_text()
    assert written == '[Service]\nEnvironment="NO_PROXY=localhost,10.88.0.11/32,10.88.0.12,10.88.0.13"\n'
    in_file = {"/etc/docker/daemon.json": '{"proxies": {"http-proxy": "http://proxy:3128"}}'}
    (finding,) = found(evidence(info=proxy, files=in_file))
    settings = tmp_path / "etc/docker/daemon.json"
    settings.parent.mkdir()
    settings.write_text(in_file["/etc/docker/daemon.json"])
    run(finding.remedy, "sed", folder=tmp_path)
    proxies = json.loads(settings.read_text())["proxies"]
    assert proxies == {"http-proxy": "http://proxy:3128", "no-proxy": "localhost,10.88.0.11/32,10.88.0.12,10.88.0.13"}
    (finding,) = found(evidence(info=proxy, files={"/etc/docker/daemon.json": settings.read_text()}))
    settings.write_text(settings.read_text().replace(",10.88.0.13", ""))
    run(finding.remedy, "sed", folder=tmp_path)
    assert json.loads(settings.read_text())["proxies"] == proxies


@pytest.mark.parametrize("before", ["", '{\n  "debug": true\n}', '{"features": {"buildkit": true}, "mtu": 1450}'])
def test_a_setting_that_the_engines_file_lacks_is_put_before_what_it_has(before: str, tmp_path: Path) -> None:
    path = tmp_path / "etc/docker/daemon.json"
    path.parent.mkdir(parents=True)
    path.write_text(before)
    files = {"/etc/docker/daemon.json": before} if before else {}
    (finding,) = found(evidence(info={"Driver": "vfs"}, files=files))
    assert finding.remedy.startswith("swarmkit node drain C; on C: ")
    run(finding.remedy.partition("; ")[2], "sed", "echo", folder=tmp_path)
    assert json.loads(path.read_text()) == {**json.loads(before or "{}"), "storage-driver": "overlay2"}


def test_a_lost_address_comes_back_with_the_prefix_and_the_device_of_its_route() -> None:
    seen = with_engine(evidence(), "C", swarm_state="active", node_addr="10.88.0.99")
    routed = with_system(seen, "C", routes=(Route("10.0.0.0/8", "eth1"), Route("10.88.0.0/24", "eth0")))
    (finding,) = found(routed)
    assert "ip addr add 10.88.0.99/24 dev eth0" in finding.remedy


def test_an_engines_pools_are_moved_to_a_range_that_nobody_has() -> None:
    pools = {"DefaultAddressPools": [{"Base": "172.16.0.0/12", "Size": 24}]}
    seen = with_cluster(evidence(info=pools), address_pools=("172.18.0.0/16",))
    (finding,) = found(with_system(seen, "C", routes=(Route("172.19.4.0/24", "eth1"),)))
    assert '[{"base": "172.20.0.0/16", "size": 24}]' in finding.remedy


@pytest.mark.parametrize(("key", "code"), [("advertise_addr", "B13"), ("data_path_addr", "B13"), ("address", "H31")])
def test_an_address_that_is_not_the_hosts_is_answered_with_one_that_is(key: str, code: str) -> None:
    seen = with_system(evidence(), "C", addresses={"172.17.0.1": "docker0", "10.88.0.13": "eth0"})
    finding = next(one for one in found(declared(seen, "C", **{key: "10.66.0.1"})) if one.code == code)
    name = "swarm_advertise_addr" if key == "address" else f"swarm_{key}"
    assert finding.remedy == f"in the inventory, for C: {name}: 10.88.0.13"


def test_a_node_is_drained_before_it_is_rebooted_and_a_host_in_no_swarm_just_rebooted() -> None:
    gone = evidence(said={"modules": "gone 6.12.0-1"})
    (finding,) = found(gone)
    assert finding.remedy.startswith("swarmkit node drain C; on C: systemctl reboot; ")
    alone = next(one for one in found(with_engine(gone, "C", swarm_state="inactive")) if one.code == "D06")
    assert alone.remedy == "on C: systemctl reboot"
