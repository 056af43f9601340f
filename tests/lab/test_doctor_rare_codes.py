"""What few hosts have, on real ones: a translated address, a taken port, a lost controller, no inodes, no memory.

Each: steady state, fault, verdict, the remedy it names applied as it is copied, steady state.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lab.doctored import boot_anew, command_for, findings, restart, the_one
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab


OUTSIDE = "203.0.113.35"
"""Where the operator reaches Y: an address that a router translates, as ssh_config does here."""
SSH_CONFIG = f"Host {OUTSIDE}\n  HostName 127.88.0.35\n  HostKeyAlias [127.88.0.35]:2222\n"


def test_a_host_that_lacks_the_address_it_is_reached_by_is_told_with_the_line_that_gives_it_its_own(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    other, translated = tmp_path / "other.yaml", tmp_path / "ssh_config"
    translated.write_text(SSH_CONFIG)
    text = steady_inventory.read_text().replace("  vars:\n", f"  vars:\n    swarm_ssh_config: {translated}\n")
    text = text.replace("ansible_host: 127.88.0.35", f"ansible_host: {OUTSIDE}")
    other.write_text(text.replace(", swarm_advertise_addr: 10.88.0.35", ""))
    finding = the_one(spare_lab, other, "H31")
    assert (finding["severity"], finding["where"]) == ("error", "Y")
    assert finding["what"] == f"{OUTSIDE} is not configured on the host, so it cannot be advertised"
    refused = spare_lab.swarmkit("up", "--yes", "-i", str(other), check=False)
    assert refused.returncode == 1
    assert "H31" in refused.stderr
    (line,) = re.findall(rf"in the inventory, for Y \({re.escape(str(other))}:\d+\): (.+)$", finding["remedy"])
    other.write_text(other.read_text().replace("ansible_port: 2222", f"ansible_port: 2222, {line}"))
    assert findings(spare_lab, other) == []


WANTS = "/etc/systemd/system/sysinit.target.wants"
OF_ENGINE = "iptables -w -S | grep docker0; iptables -w -t nat -S | grep docker0; true"
FLUSH = "for table in filter nat; do iptables -w -t $table -F; iptables -w -t $table -X; done"
"""What ``flush ruleset`` does, with the rules that the lab has: its kernel has no nftables."""


def test_a_firewall_whose_reload_flushes_the_engine_s_rules_is_told_and_its_remedy_brings_them_back(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"printf '#!/usr/sbin/nft -f\\nflush ruleset\\n' >/etc/nftables.conf; mkdir -p {WANTS}")
    spare_lab.run("Y", f"ln -s /usr/lib/systemd/system/nftables.service {WANTS}/nftables.service")
    try:
        finding = the_one(spare_lab, steady_inventory, "H24")
        assert (finding["severity"], finding["where"]) == ("warning", "Y")
        assert finding["evidence"] == "nftables.service is enabled, /etc/nftables.conf has: flush ruleset"
        before = set(spare_lab.run("Y", OF_ENGINE).stdout.splitlines())
        assert before
        spare_lab.run("Y", FLUSH)
        assert spare_lab.run("Y", OF_ENGINE).stdout == ""
        (again,) = re.findall(r"after each reload of nftables on Y: (.+), then: swarmkit verify$", finding["remedy"])
        restart(spare_lab, "Y", command=again)
        assert set(spare_lab.run("Y", OF_ENGINE).stdout.splitlines()) == before
    finally:
        spare_lab.run("Y", f"rm -f /etc/nftables.conf {WANTS}/nftables.service")


LISTENER = "use Socket; socket(S,2,1,6); bind(S,sockaddr_in(7946,INADDR_ANY)); listen(S,64); close C while accept(C,S)"


def test_a_process_that_has_a_port_of_the_swarm_s_is_told_and_its_remedy_finds_its_unit(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"systemd-run -q --unit=taker perl -e '{LISTENER}'")
    try:
        finding = the_one(spare_lab, steady_inventory, "D10")
        assert (finding["severity"], finding["where"]) == ("error", "Y")
        assert finding["what"] == "another process has the swarm's port 7946/tcp"
        look, _, rest = command_for("Y", finding).partition(", then ")
        assert rest == "systemctl status PID for its unit, and stop that"
        process = spare_lab.run("Y", look).stdout.partition("pid=")[2].partition(",")[0]
        assert finding["evidence"].startswith(f"perl, pid {process} listens there")
        assert "taker.service" in spare_lab.run("Y", f"systemctl status {process}").stdout
        spare_lab.run("Y", "systemctl stop taker")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "systemctl stop taker 2>/dev/null || true")


DROP_IN = "/etc/systemd/system/docker.service.d/controllers.conf"
WITHOUT_MEMORY = f"""
sed 's/memory//' /sys/fs/cgroup/cgroup.controllers >/root/controllers
printf '[Service]\\nBindReadOnlyPaths=/root/controllers:/sys/fs/cgroup/cgroup.controllers\\n' >{DROP_IN}
"""
"""The engine sees the controllers of a kernel that was booted with ``cgroup_disable=memory``."""
GRUB = f"""
cat >/usr/local/sbin/update-grub <<'SCRIPT'
#!/bin/sh
grep -q '^GRUB_CMDLINE_LINUX=.* cgroup_enable=memory' /etc/default/grub && rm {DROP_IN}
SCRIPT
chmod +x /usr/local/sbin/update-grub
"""
"""Stands for grub, which starts no host of the lab: what it is told to give the kernel counts from the next boot."""


def test_a_kernel_without_the_controller_of_memory_is_told_and_the_options_of_its_remedy_bring_it_at_the_next_boot(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"set -e{WITHOUT_MEMORY}{GRUB}")
    restart(spare_lab, "Y")
    try:
        finding = the_one(spare_lab, steady_inventory, "H45")
        assert (finding["severity"], finding["where"]) == ("warning", "Y")
        assert finding["evidence"] == "WARNING: No memory limit support"
        write, reboot = finding["remedy"].removeprefix("on Y, where grub starts it: ").split("; then on Y: ")
        boot_anew(spare_lab, "Y", f"set -e; {write}; {reboot}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", f"rm -f {DROP_IN} /root/controllers /usr/local/sbin/update-grub /etc/default/grub")
        restart(spare_lab, "Y")


LEFT_BEHIND = """
tar -h -C /bin -c sleep $(ldd /bin/sleep | grep -o '/[^ ]*') | docker import - held:1 >/dev/null
docker swarm init --advertise-addr 10.88.0.35 --default-addr-pool 10.20.0.0/16 >/dev/null
docker network create -d overlay kept >/dev/null
docker service create -q -d --no-resolve-image --name held --network kept held:1 /sleep 600
timeout 60 sh -c 'until docker ps -q --filter status=running | grep -q .; do sleep 0.3; done'
systemctl stop containerd
docker swarm leave --force
systemctl start containerd
"""
"""What has the containers is away while the host leaves: the engine can remove neither the task's nor its network."""


@pytest.mark.nightly
def test_a_network_that_a_swarm_left_behind_is_told_and_goes_as_its_remedy_says(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    try:
        spare_lab.run("Y", f"set -e{LEFT_BEHIND}")
        # An engine that has left may go on listening on 7946 for a while, which is D10.
        finding, *more = (one for one in findings(spare_lab, steady_inventory) if one["code"] != "D10")
        assert more == []
        assert (finding["code"], finding["severity"], finding["where"]) == ("H64", "warning", "Y")
        assert finding["what"] == "network kept is left from an earlier swarm"
        assert finding["evidence"].startswith("overlay, 10.20.")
        remove, anew = command_for("Y", finding).split(", or if that is refused: ")
        assert spare_lab.run("Y", remove, check=False).returncode, "a host that has left may remove none of a swarm's"
        restart(spare_lab, "Y", command=anew)
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "systemctl start containerd; docker ps -aq | xargs -r docker rm -f; docker image rm held:1")
        spare_lab.leave_swarm("Y")


STOP = "systemctl stop docker.socket docker"
FEW_INODES = f"{STOP} && mount -t tmpfs -o size=4G,nr_inodes=2000 none /var/lib/docker && systemctl start docker"
MANY_FILES = """
mkdir /root/many && cd /root/many
seq $(($(df --output=iavail /var/lib/docker | tail -1) - 60)) | xargs touch
tar -c . | docker import - >/dev/null
rm -r /root/many
"""


def test_a_file_system_without_inodes_is_told_and_what_its_remedy_removes_frees_them(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", f"systemctl reset-failed docker; {FEW_INODES}")
    try:
        assert findings(spare_lab, steady_inventory) == []
        spare_lab.run("Y", f"set -e{MANY_FILES}")
        finding = the_one(spare_lab, steady_inventory, "H38")
        assert (finding["severity"], finding["where"]) == ("error", "Y")
        assert finding["what"] == "its disk has almost no inodes left"
        assert re.fullmatch(r"\d{1,2} inodes free of 2000 at /var/lib/docker", finding["evidence"])
        assert "/var/lib/docker" in spare_lab.run("Y", command_for("Y", finding)).stdout
        (prune,) = re.findall(r"; (docker image prune);", finding["remedy"])
        spare_lab.run("Y", f"echo y | {prune}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", f"{STOP}; umount -R /var/lib/docker; systemctl reset-failed docker; systemctl start docker")
        spare_lab.run("Y", "! mountpoint -q /var/lib/docker")


LITTLE_MEMORY = """
left=$(awk '/^MemAvailable/ {print $2}' /proc/meminfo)
mount -o remount,size=90% /dev/shm
head -c $((left - 52 * 1024))K /dev/zero >/dev/shm/taken
"""


def test_a_host_almost_without_memory_is_told_and_what_its_remedy_shows_is_no_container_s(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    try:
        spare_lab.run("Y", f"set -e{LITTLE_MEMORY}")
        finding = the_one(spare_lab, steady_inventory, "D03")
        assert (finding["severity"], finding["where"]) == ("warning", "Y")
        (left,) = re.findall(r"(\d+) KiB available of \d+ kB", finding["evidence"])
        assert int(left) < 64 * 1024
        assert "MEM USAGE" in spare_lab.run("Y", command_for("Y", finding)).stdout
    finally:
        spare_lab.run("Y", "rm -f /dev/shm/taken; mount -o remount,size=50% /dev/shm")
