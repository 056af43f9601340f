"""The lab's hosts as their owner sees them: up, power, disks, and the supervisor's death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lab.spare_lab import SpareLab, spare_hosts

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
    room.up(spare_lab.places, spare_hosts())
    assert time.monotonic() - started < 2
    assert [host["pid"] for host in room.status(spare_lab.places)] == before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor leaves no choice")
def test_a_host_s_kernel_runs_on_one_processor_with_all_its_programs(spare_lab: SpareLab) -> None:
    spare_lab.run("X", "docker ps")
    kernel, deadline = spare_lab.status("X")["pid"], time.monotonic() + 20
    while len(processors := _processors(kernel)) != 1 or len(next(iter(processors))) != 1:
        assert time.monotonic() < deadline, processors
        time.sleep(0.1)


def _processors(kernel: int) -> set[frozenset[int]]:
    tasks = list(Path(f"/proc/{kernel}/task").iterdir())
    programs = [int(program) for task in tasks for program in (task / "children").read_text().split()]
    assert programs
    return {frozenset(os.sched_getaffinity(task)) for task in (*(int(task.name) for task in tasks), *programs)}


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


PANICS = pytest.param("panic", marks=pytest.mark.nightly)


@pytest.mark.parametrize("end", ["kill", "reboot", "stand", PANICS])
def test_host_that_ends_or_stands_after_a_panic_is_started_anew_with_network(spare_lab: SpareLab, end: str) -> None:
    before = spare_lab.status("Y")
    match end:
        case "kill":
            os.kill(before["pid"], signal.SIGKILL)
        case "reboot":
            spare_lab.run("Y", "systemctl reboot --no-block", check=False)
        case "stand":
            # As one did that had a fault in the kernel's own code: it said so, and neither ran on nor ended.
            with spare_lab.places.host("Y").console.open("a") as console:
                console.write("Kernel panic - not syncing: Segfault without recovery target\n")
        case _:
            spare_lab.run("Y", "echo c >/proc/sysrq-trigger", check=False)
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
    room.up(spare_lab.places, spare_hosts())
    assert spare_lab.run("X", "ping -c1 -W2 10.88.0.35").returncode == 0


def test_cut_host_is_alone_until_it_is_healed(spare_lab: SpareLab) -> None:
    room.act(spare_lab.places, "cut", "Y")
    assert spare_lab.run("X", "ping -c1 -W1 10.88.0.35", check=False).returncode == 1
    room.act(spare_lab.places, "heal", "Y")
    assert spare_lab.run("X", "ping -c1 -W2 10.88.0.35").returncode == 0


def hears(lab: SpareLab, host: str, address: str) -> bool:
    return lab.run(host, f"ping -c2 -W1 -i0.3 {address}", check=False).returncode == 0


def test_a_partition_drops_what_hosts_send_each_other_until_it_is_healed(spare_lab: SpareLab) -> None:
    said = spare_lab.swarmkit("lab", "fault", "partition", "X", "Y").stdout
    assert said == "no frame passes between X and Y\n"
    assert not hears(spare_lab, "X", "10.88.0.35")
    assert hears(spare_lab, "X", "10.88.0.254")
    # The other side of a pair is mended with the one that is named.
    assert "Y: sends to host number 34 again" in spare_lab.swarmkit("lab", "fault", "heal", "X").stdout
    assert hears(spare_lab, "Y", "10.88.0.34")
    spare_lab.swarmkit("lab", "fault", "partition", "--one-way", "X", "Y")
    counted = "iptables -w -t raw -{} PREROUTING -p icmp -s 10.88.0.34"
    spare_lab.run("Y", counted.format("A"))
    spare_lab.run("X", counted.format("A").replace("34", "35"))
    try:
        assert not hears(spare_lab, "Y", "10.88.0.34")
        received = {host: spare_lab.run(host, "iptables -w -t raw -nvxL PREROUTING").stdout.splitlines()[-1].split()[0]
                    for host in ("X", "Y")}  # fmt: skip
        assert received == {"X": "2", "Y": "0"}
    finally:
        spare_lab.run("Y", counted.format("D"))
        spare_lab.run("X", counted.format("D").replace("34", "35"))
        spare_lab.swarmkit("lab", "fault", "heal")
    assert hears(spare_lab, "Y", "10.88.0.34")


def test_what_is_broken_inside_a_host_is_healed_at_once(spare_lab: SpareLab) -> None:
    spare_lab.swarmkit("lab", "fault", "skew", "Y", "-7200")
    spare_lab.swarmkit("lab", "fault", "fill-disk", "Y", "--left", "3")
    spare_lab.swarmkit("lab", "fault", "slow", "Y", "--delay", "300", "--loss", "1", "--reorder", "5")
    lost = spare_lab.swarmkit("lab", "fault", "lose-module", "Y", "vxlan", "br_netfilter").stdout
    assert "Y: vxlan is gone" in lost
    assert time.time() - float(spare_lab.run("Y", "date +%s").stdout) > 7000
    assert "No space left" in spare_lab.run("Y", "head -c 9000000 /dev/zero >/root/big", check=False).stderr
    spare_lab.run("Y", "rm /root/big; head -c 1000000 /dev/zero >/root/small && rm /root/small")
    assert spare_lab.run("Y", "modprobe vxlan", check=False).returncode != 0
    assert "time=3" in spare_lab.run("Y", "ping -c3 10.88.0.34").stdout
    healed = spare_lab.swarmkit("lab", "fault", "heal", "Y").stdout
    for words in ("full speed", "room", "vxlan again", "br_netfilter again", "clock was -"):
        assert words in healed
    assert spare_lab.swarmkit("lab", "fault", "heal").stdout == "nothing to heal\n"
    spare_lab.run("Y", "modprobe vxlan && head -c 9000000 /dev/zero >/root/big && rm /root/big")
    assert abs(float(spare_lab.run("Y", "date +%s").stdout) - time.time()) < 10


def test_heal_thaws_and_plugs_in(spare_lab: SpareLab) -> None:
    spare_lab.swarmkit("lab", "fault", "cut", "X")
    refused = spare_lab.swarmkit("lab", "fault", "skew", "X", "60", check=False)
    assert refused.returncode == 1
    assert "X: is cut off" in refused.stderr
    spare_lab.swarmkit("lab", "fault", "freeze", "Y")
    assert spare_lab.swarmkit("lab", "fault", "heal").stdout.splitlines()[:2] == [
        "X: is on the cable again",
        "Y: goes on again",
    ]
    assert hears(spare_lab, "X", "10.88.0.35")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("partition", "X"), "two or more groups"),
        (("partition", "X", "X"), "each host in one of them"),
        (("partition", "X", "Z"), "Z: no such host"),
        (("slow", "X"), "a delay or a loss"),
        (("slow", "X", "--reorder", "5", "--loss", "1"), "only what is delayed"),
        (("skew", "X", "inf"), "ten years"),
        (("lose-module", "X", "no_such_module"), "no_such_module not found"),
    ],
)
def test_faults_that_make_no_sense_are_refused(spare_lab: SpareLab, words: tuple[str, ...], complaint: str) -> None:
    refused = spare_lab.swarmkit("lab", "fault", *words, check=False)
    assert refused.returncode == (1 if "not found" in complaint else 2)
    assert complaint in refused.stderr


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
    room.up(spare_lab.places, spare_hosts())
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
