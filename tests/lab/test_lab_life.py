"""The lab's hosts as their owner sees them: up, power, disks, and the supervisor's death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lab.spare_lab import SPARE_HOSTS, SpareLab

from swarmkit import lab as room
from swarmkit.errors import SwarmkitError
from swarmkit.lab import LabHost

pytestmark = pytest.mark.lab

MODULES = "esp4 xfrm_user ip_vs vxlan xt_bpf xt_policy"


def test_hosts_have_an_engine_their_own_kernel_modules_and_their_own_identity(spare_lab: SpareLab) -> None:
    identities = set()
    for host in ("X", "Y"):
        assert spare_lab.run(host, "docker version -f '{{.Server.Version}}'").stdout.startswith("26.1")
        spare_lab.run(host, f"modprobe -a {MODULES}")
        assert spare_lab.run(host, "hostname").stdout.strip() == host
        assert spare_lab.run(host, "systemctl --failed --no-legend").stdout == ""
        identities.add(spare_lab.run(host, "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").stdout)
    assert len(identities) == 2


def test_host_clock_is_right_at_boot(spare_lab: SpareLab) -> None:
    assert abs(float(spare_lab.run("X", "date +%s").stdout) - time.time()) < 10


def test_second_up_does_nothing_and_returns_at_once(spare_lab: SpareLab) -> None:
    before = [host["pid"] for host in room.status(spare_lab.places)]
    started = time.monotonic()
    room.up(spare_lab.places, SPARE_HOSTS)
    assert time.monotonic() - started < 2
    assert [host["pid"] for host in room.status(spare_lab.places)] == before


def test_up_refuses_to_change_a_running_host(spare_lab: SpareLab) -> None:
    with pytest.raises(SwarmkitError, match=r"engine 20\.10 instead of 26\.1"):
        room.up(spare_lab.places, [LabHost("X", 34, engine="20.10", memory_megabytes=640)])


def test_machine_network_is_left_alone(spare_lab: SpareLab) -> None:
    for what in ("link", "route", "address"):
        shown = subprocess.run(["ip", what], capture_output=True, text=True, check=True).stdout
        assert "10.88.0" not in shown
        assert "cable" not in shown
    assert spare_lab.status("X")["state"] == "ready"


def test_ssh_command_passes_the_exit_code_through(spare_lab: SpareLab) -> None:
    assert spare_lab.swarmkit("lab", "ssh", "Y", "--", "exit 7", check=False).returncode == 7


def test_sudo_asks_ops_for_a_password_and_deploy_for_none(spare_lab: SpareLab) -> None:
    assert spare_lab.run("X", "su ops -c 'sudo -n true'", check=False).returncode != 0
    assert spare_lab.run("X", "su ops -c 'sudo -S -p \"\" id -un'", stdin=b"swarmkit\n").stdout == "root\n"
    assert spare_lab.run("X", "su deploy -c 'sudo -n id -un && docker ps -q'").stdout == "root\n"


def test_unknown_names_are_refused_at_once(spare_lab: SpareLab) -> None:
    started = time.monotonic()
    assert spare_lab.run("X", "getent ahostsv4 registry.example", check=False).returncode == 2
    assert time.monotonic() - started < 5


def test_powered_off_host_stays_off_and_keeps_its_disk(spare_lab: SpareLab) -> None:
    spare_lab.run("X", "echo kept > /root/kept && sync")
    room.act(spare_lab.places, "power-off", "X")
    time.sleep(1)
    assert spare_lab.status("X")["state"] == "off"
    assert spare_lab.status("X")["ports"] == []
    assert spare_lab.status("Y")["state"] == "ready"
    room.act(spare_lab.places, "power-on", "X")
    room.wait_until_ready(spare_lab.places, ["X"])
    assert spare_lab.run("X", "cat /root/kept").stdout == "kept\n"


@pytest.mark.parametrize("end", ["kill", "reboot"])
def test_host_that_ends_is_started_anew_with_network(spare_lab: SpareLab, end: str) -> None:
    before = spare_lab.status("Y")
    if end == "kill":
        os.kill(before["pid"], signal.SIGKILL)
    else:
        spare_lab.run("Y", "systemctl reboot --no-block", check=False)
    deadline = time.monotonic() + 60
    while spare_lab.status("Y")["boots"] == before["boots"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    room.wait_until_ready(spare_lab.places, ["Y"])
    assert spare_lab.run("Y", "ping -c1 -W2 10.88.0.34").returncode == 0


def test_frozen_host_goes_on_where_it_stopped(spare_lab: SpareLab) -> None:
    room.act(spare_lab.places, "freeze", "Y")
    assert spare_lab.status("Y")["state"] == "frozen"
    assert spare_lab.run("X", "ping -c1 -W1 10.88.0.35", check=False).returncode == 1
    room.up(spare_lab.places, SPARE_HOSTS)
    assert spare_lab.run("X", "ping -c1 -W2 10.88.0.35").returncode == 0


def test_cut_host_is_alone_until_it_is_healed(spare_lab: SpareLab) -> None:
    room.act(spare_lab.places, "cut", "Y")
    assert spare_lab.run("X", "ping -c1 -W1 10.88.0.35", check=False).returncode == 1
    room.act(spare_lab.places, "heal", "Y")
    assert spare_lab.run("X", "ping -c1 -W2 10.88.0.35").returncode == 0


def test_reset_gives_a_fresh_disk_and_keeps_the_host_key(spare_lab: SpareLab) -> None:
    spare_lab.run("Y", "echo gone > /root/gone && sync")
    key = spare_lab.run("Y", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
    room.reset(spare_lab.places, ["Y"])
    assert spare_lab.run("Y", "cat /root/gone", check=False).returncode == 1
    assert spare_lab.run("Y", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout == key


def test_killed_supervisor_leaves_nothing_that_blocks_the_next_up(spare_lab: SpareLab) -> None:
    pids = [int(host["pid"]) for host in room.status(spare_lab.places) if host["pid"]]
    spare_lab.run("X", "echo kept > /root/kept && sync")
    os.kill(_supervisor_of(spare_lab.places.state), signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, "a host outlived its supervisor"
        time.sleep(0.05)
    assert json.loads(spare_lab.swarmkit("lab", "status", "--json").stdout) == {"running": False, "hosts": []}
    room.up(spare_lab.places, SPARE_HOSTS)
    assert spare_lab.run("X", "cat /root/kept").stdout == "kept\n"


def _supervisor_of(state: Path) -> int:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"swarmkit.lab.supervisor" in words and str(state).encode() in words:
            return int(entry.parent.name)
    raise AssertionError("no supervisor")
