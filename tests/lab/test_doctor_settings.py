"""More of what the doctor finds on real hosts: settings, engines, addresses, a swarm that is otherwise than declared.

Each: steady state, fault, verdict, the remedy it names applied as it is copied, steady state.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lab.doctored import as_deploy, by_code, command_for, findings, restart, the_one
from lab.spare_lab import SpareLab

from swarmkit.reach.retry import wait_until

pytestmark = pytest.mark.lab

AS_DEPLOY = "swarm_advertise_addr: 10.88.0.35, ansible_user: deploy, ansible_become: true"
"""Y's login is not root."""


@pytest.fixture
def by_sudo(steady_inventory: Path, tmp_path: Path) -> Path:
    path = tmp_path / "by_sudo.yaml"
    path.write_text(steady_inventory.read_text().replace("swarm_advertise_addr: 10.88.0.35", AS_DEPLOY))
    return path


PROXY = "/etc/systemd/system/docker.service.d"
CARD = "ip link add link vec0 name vec0.5 type vlan id 5; ip link set vec0.5 up; ip addr add 10.55.0.1/24 dev vec0.5"
MANY = "use Socket; socket(S,2,2,17); send(S,0,0,sockaddr_in($_,inet_aton(q(10.88.0.34)))) for 20000..22199"


def test_what_is_told_for_a_login_that_is_not_root_is_run_by_it_as_it_is_copied(
    spare_lab: SpareLab, steady_inventory: Path, by_sudo: Path
) -> None:
    """Its commands had no sudo, and a redirection to /etc that none reaches."""
    spare_lab.run("Y", f"printf '[Service]\\nEnvironment=HTTP_PROXY=http://10.88.0.1:3128\\n' >{PROXY}/proxy.conf")
    restart(spare_lab, "Y")
    spare_lab.run("Y", f"modprobe 8021q; {CARD}; sysctl -w net.ipv4.conf.all.rp_filter=1; systemctl disable docker")
    spare_lab.run(
        "Y", "ip addr add 8.8.4.4/32 dev vec0; chmod 666 /run/docker.sock; iptables -w -A INPUT -p esp -j DROP"
    )
    spare_lab.run(
        "Y",
        f"sysctl -w net.netfilter.nf_conntrack_max=2400 net.netfilter.nf_conntrack_udp_timeout=300; perl -e '{MANY}'",
    )
    try:
        found = by_code(spare_lab, by_sudo)
        assert found.keys() == {"B56", "D01", "D02", "D05", "H06", "H27", "H33"}
        assert {finding["where"] for code, finding in found.items() if code != "H06"} == {"Y"}
        for code in ("B56", "D01", "D02", "D05", "H27"):
            as_deploy(spare_lab, "Y", command_for("Y", found[code]))
        for code in ("H06", "H33"):
            lines = found[code]["remedy"].splitlines()
            as_deploy(spare_lab, "Y", next(line for line in lines if line.startswith("sudo iptables -w ")))
        assert findings(spare_lab, by_sudo) == []
        root = {finding["remedy"] for finding in findings(spare_lab, steady_inventory)}
        assert not root
    finally:
        # The lab's own file is beside them.
        spare_lab.run("Y", f"rm -f {PROXY}/proxy.conf {PROXY}/zz-swarmkit.conf /etc/sysctl.d/99-docker-*")
        spare_lab.run("Y", "systemctl enable docker; ip link del vec0.5")
        spare_lab.run("Y", "sysctl -w net.ipv4.conf.all.rp_filter=0 net.netfilter.nf_conntrack_max=5120")
        spare_lab.run("Y", "ip addr del 8.8.4.4/32 dev vec0; iptables -w -F INPUT; iptables -w -F SWARM-PEERS")
        spare_lab.run("Y", "iptables -w -X SWARM-PEERS")
        restart(spare_lab, "Y")


def test_a_login_without_root_is_told_and_that_sudo_makes_it_root_ends_that(
    spare_lab: SpareLab, by_sudo: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.yaml"
    plain.write_text(by_sudo.read_text().replace(", ansible_become: true", ""))
    found = by_code(spare_lab, plain)
    assert {code: finding["where"] for code, finding in found.items()} == {"H07": "Y", "S09": "Y"}
    assert "set ansible_become: true" in found["S09"]["remedy"]
    assert findings(spare_lab, by_sudo) == []


def test_sudo_that_admits_some_commands_only_is_told_and_ends_when_it_admits_all(
    spare_lab: SpareLab, by_sudo: Path
) -> None:
    own = spare_lab.run("Y", "grep -l deploy /etc/sudoers.d/*").stdout.strip()
    spare_lab.run("Y", f"mv {own} /root/sudoers; echo 'deploy ALL=(ALL) NOPASSWD: /usr/bin/docker, /bin/true' >{own}")
    spare_lab.run("Y", f"echo 'deploy ALL=(ALL) NOPASSWD: /usr/bin/true' >>{own}; chmod 440 {own}")
    try:
        said = spare_lab.swarmkit("doctor", "--json", "-i", str(by_sudo), check=False)
        (told,) = (one for one in json.loads(said.stdout)["findings"] if one["where"] == "Y")
        assert (said.returncode, told["code"]) == (3, "S08"), told
    finally:
        spare_lab.run("Y", f"mv /root/sudoers {own}")
    assert findings(spare_lab, by_sudo) == []


def test_an_address_that_is_translated_is_told_alone_and_one_that_is_not_heals(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    translate = "POSTROUTING -s 10.88.0.34 -d 10.88.0.35 -j SNAT --to 10.88.0.134"
    spare_lab.run("X", f"ip addr add 10.88.0.134/24 dev vec0 && iptables -w -t nat -I {translate}")
    try:
        finding = the_one(spare_lab, steady_inventory, "H17")
        assert (finding["where"], finding["severity"]) == ("X -> Y", "error")
        assert "Y sees X as 10.88.0.134" in finding["what"]
        assert "swarm_advertise_addr: ADDRESS" in finding["remedy"]
        other = tmp_path / "other.yaml"
        other.write_text(steady_inventory.read_text().replace("10.88.0.34}", "10.88.0.134}"))
        assert findings(spare_lab, other) == []
    finally:
        spare_lab.run("X", f"iptables -w -t nat -D {translate}; ip addr del 10.88.0.134/24 dev vec0")


def test_another_user_of_the_data_path_s_port_is_told_and_another_port_parts_them(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    spare_lab.run("Y", "ip link add other0 type vxlan id 77 dstport 4789 dev vec0")
    try:
        finding = the_one(spare_lab, steady_inventory, "D07")
        assert (finding["where"], finding["evidence"]) == ("Y", "VNI 77, port 4789")
        line = finding["remedy"].partition("under vars: ")[2].partition(";")[0]
        other = tmp_path / "other.yaml"
        other.write_text(steady_inventory.read_text().replace("  vars:\n", f"  vars:\n    {line}\n"))
        assert findings(spare_lab, other) == []
    finally:
        spare_lab.run("Y", "ip link del other0")


ENGINE_FILE = "/etc/docker/daemon.json"


@pytest.mark.parametrize(
    ("settings", "code", "where", "does"),
    [
        ('{"storage-driver": "vfs"}', "D09", "Y", "Y"),
        ('{"userns-remap": "default"}', "H41", "Y", "Y"),
        ('{"features": {"containerd-snapshotter": true}}', "H42", "X, Y", "X"),
    ],
)
def test_a_setting_of_an_engine_is_told_with_the_command_that_changes_it(
    spare_lab: SpareLab, steady_inventory: Path, settings: str, code: str, where: str, does: str
) -> None:
    spare_lab.run("Y", f"echo '{settings}' >{ENGINE_FILE}")
    restart(spare_lab, "Y")
    try:
        finding = the_one(spare_lab, steady_inventory, code)
        assert (finding["where"], finding["severity"]) == (where, "warning")
        spare_lab.run(does, f"systemctl reset-failed docker; {command_for(does, finding)}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        for host in {"Y", does}:
            spare_lab.run(host, f"rm -f {ENGINE_FILE}")
            restart(spare_lab, host)


def test_an_engine_that_others_may_use_by_a_port_of_its_own_is_told_and_shut_as_its_remedy_says(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    """The port is none that everybody knows."""
    own = f"{PROXY}/open.conf"
    spare_lab.run("Y", f"printf '[Service]\\nEnvironment=\"DOCKER_OPTS=-H tcp://0.0.0.0:4243\"\\n' >{own}")
    restart(spare_lab, "Y")
    try:
        finding = the_one(spare_lab, steady_inventory, "D05")
        assert (finding["where"], finding["severity"]) == ("Y", "error")
        assert "http://0.0.0.0:4243 without encryption" in finding["evidence"]
        found = spare_lab.run("Y", command_for("Y", finding)).stdout
        assert found.startswith(f"{own}:"), "the first command tells where it is set"
    finally:
        spare_lab.run("Y", f"rm {own}")
        restart(spare_lab, "Y")


def test_an_engine_whose_containerd_ended_is_told_and_has_one_again_by_its_remedy(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    """It goes on, is a ready node, and starts nothing."""
    spare_lab.run("Y", "systemctl stop containerd")
    try:
        finding = the_one(spare_lab, steady_inventory, "D16")
        assert (finding["where"], finding["severity"]) == ("Y", "error")
        healing = finding["remedy"].removeprefix("on Y: ").partition("; why")[0]
        spare_lab.run("Y", f"systemctl reset-failed docker; {healing}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "systemctl start containerd")


FILL = "fallocate -l $(($(df --output=avail -B1 / | tail -1) - (620 << 20))) /var/lib/docker/filler"
UNUSED = "head -c 200M /dev/zero >/root/zeros; tar -c -C /root zeros | docker import - >/dev/null; rm /root/zeros"


def test_a_full_disk_is_told_and_what_its_remedy_removes_makes_room(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"{UNUSED}; {FILL}; fallocate -l 200M /var/lib/docker/more")
    try:
        full = the_one(spare_lab, steady_inventory, "H38")
        assert (full["where"], full["severity"]) == ("Y", "error")
        told = command_for("Y", full), "docker image prune"
        assert told[1] in full["remedy"]
        assert "Images" in spare_lab.run("Y", told[0]).stdout
        spare_lab.run("Y", f"echo y | {told[1]}")
        assert the_one(spare_lab, steady_inventory, "H38")["severity"] == "warning", "it is getting full still"
    finally:
        spare_lab.run("Y", "rm -f /var/lib/docker/filler /var/lib/docker/more; docker image prune -f")


LISTENER = "use Socket; socket(S,2,1,6); bind(S,sockaddr_in(8080,INADDR_ANY)); listen(S,1); sleep 600"
PUBLISHING = """
services:
  web: {image: 'none:1', ports: ['8080:80'], deploy: {replicas: 0}}
"""


def test_a_port_that_a_process_has_is_told_and_its_remedy_names_that(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text(PUBLISHING)
    spare_lab.run("Y", f"systemd-run -q --unit=taker perl -e '{LISTENER}'")
    try:
        finding = the_one(spare_lab, steady_inventory, "H80", "-f", str(stack))
        assert finding["where"] == "Y"
        listeners = spare_lab.run("Y", command_for("Y", finding).partition(" names ")[0]).stdout
        process = listeners.partition("pid=")[2].partition(",")[0]
        assert "taker.service" in spare_lab.run("Y", f"systemctl status {process}").stdout
    finally:
        spare_lab.run("Y", "systemctl stop taker")
    assert findings(spare_lab, steady_inventory, "-f", str(stack)) == []


def test_modules_that_went_with_a_kernel_s_package_are_told(spare_lab: SpareLab, steady_inventory: Path) -> None:
    spare_lab.run("Y", "mv /lib/modules/$(uname -r) /lib/modules/away")
    try:
        finding = the_one(spare_lab, steady_inventory, "D06")
        assert (finding["where"], finding["severity"], finding["remedy"]) == ("Y", "error", "on Y: systemctl reboot")
    finally:
        spare_lab.run("Y", "mv /lib/modules/away /lib/modules/$(uname -r)")


STATES = "docker node ls --format '{{.Status}}'"


def test_a_node_by_another_address_and_one_whose_address_is_gone_come_back_as_is_told(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    other, port = tmp_path / "other.yaml", tmp_path / "port.yaml"
    other.write_text(steady_inventory.read_text().replace("10.88.0.35}", "10.88.0.135}"))
    port.write_text(steady_inventory.read_text().replace("  vars:\n", "  vars:\n    swarm_data_path_port: 7789\n"))
    spare_lab.run("Y", "ip addr add 10.88.0.135/24 dev vec0")
    try:
        spare_lab.swarmkit("up", "--yes", "-i", str(other))
        spare_lab.run("Y", "ip addr del 10.88.0.135/24 dev vec0")
        gone = the_one(spare_lab, steady_inventory, "H57")
        assert (gone["where"], gone["severity"]) == ("Y", "error")
        spare_lab.run("Y", command_for("Y", gone).partition(", and keep it")[0])
        elsewhere = the_one(spare_lab, steady_inventory, "H32")
        assert elsewhere["evidence"] == "declared 10.88.0.35, the swarm has 10.88.0.135"
        assert elsewhere["remedy"] == "swarmkit node drain Y; on Y: docker swarm leave; then: swarmkit up"
        spare_lab.swarmkit("node", "drain", "Y", "--yes", "-i", str(steady_inventory))
        spare_lab.run("Y", command_for("Y", elsewhere))
        spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory))
        # The node that left is missed after a quarter of a minute, and told then.
        wait_until(lambda: spare_lab.run("X", STATES).stdout, lambda said: "Down" in said, timeout_seconds=60)
        spare_lab.run("X", command_for("X", the_one(spare_lab, steady_inventory, "H52")))
        assert findings(spare_lab, steady_inventory) == []
        fixed = the_one(spare_lab, port, "B17")
        port.write_text(port.read_text().replace("swarm_data_path_port: 7789", fixed["remedy"].partition("vars: ")[2]))
        assert findings(spare_lab, port) == []
    finally:
        spare_lab.run("Y", "ip addr del 10.88.0.135/24 dev vec0", check=False)
        dissolve(spare_lab)


def dissolve(lab: SpareLab) -> None:
    for host in "YX":
        lab.leave_swarm(host)


def test_ingress_outside_the_pools_and_a_node_of_nobody_are_told_and_go_as_is_told(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone.yaml"
    alone.write_text(steady_inventory.read_text().partition("    workers:")[0])
    try:
        spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory))
        make = "docker network create -d overlay --ingress --subnet 10.255.0.0/16 ingress"
        spare_lab.run("X", f"echo y | docker network rm ingress && until {make}; do sleep 1; done")
        outside = the_one(spare_lab, steady_inventory, "H29")
        assert (outside["where"], outside["severity"]) == ("ingress", "warning")
        spare_lab.run("X", outside["remedy"].partition("on a manager: ")[2])
        assert findings(spare_lab, steady_inventory) == []
        stranger = the_one(spare_lab, alone, "H63")
        assert (stranger["where"], stranger["severity"]) == ("Y", "warning")
        assert "swarmkit up --remove-nodes" in stranger["remedy"]
    finally:
        dissolve(spare_lab)


def test_managers_that_gain_nothing_and_such_that_are_away_are_told_and_come_back_as_is_told(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    even = tmp_path / "even.yaml"
    even.write_text(steady_inventory.read_text().replace("    workers:\n      hosts:\n", ""))
    both = ("--allow-even-managers",)
    try:
        spare_lab.swarmkit("up", "--yes", "-i", str(even), *both)
        assert the_one(spare_lab, even, "H51", *both)["remedy"] == "declare 1 or 3 managers"
        spare_lab.run("Y", "systemctl stop docker.socket docker")
        said = spare_lab.swarmkit("doctor", "--json", "-i", str(even), *both, check=False)
        found = {one["code"]: one for one in json.loads(said.stdout)["findings"]}
        assert found.keys() == {"D11", "H51", "H54"}
        assert found["D11"]["where"] == "Y"
        (start,) = re.findall(r"systemctl start \w+", found["H54"]["remedy"])
        spare_lab.run("Y", start)
        # Of two managers none leads until they have found each other again.
        wait_until(
            lambda: spare_lab.run("X", STATES, check=False).stdout,
            lambda said: said.count("Ready") == 2,
            timeout_seconds=60,
        )
        the_one(spare_lab, even, "H51", *both)
    finally:
        dissolve(spare_lab)
