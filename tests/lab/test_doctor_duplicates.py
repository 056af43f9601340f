"""Hosts that share what is one host's alone, as copies of one machine do.

Each: steady state, fault, verdict, the remedy it names applied as it is copied, steady state.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from pathlib import Path

import pytest
from lab.doctored import boot_anew, command_for, findings, restart, the_one
from lab.spare_lab import SpareLab

from swarmkit import lab as room

pytestmark = pytest.mark.lab


def test_a_copied_engine_id_is_told_and_goes_when_the_copy_gets_an_identity_of_its_own(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    copied = spare_lab.run("X", "cat /var/lib/docker/engine-id").stdout
    spare_lab.run("Y", f"printf %s {shlex.quote(copied)} >/var/lib/docker/engine-id")
    restart(spare_lab, "Y")
    try:
        finding = the_one(spare_lab, steady_inventory, "H36")
        assert (finding["severity"], finding["where"]) == ("error", "X, Y")
        assert "the same engine id" in finding["what"]
        assert finding["evidence"] == copied.strip()
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), check=False)
        assert refused.returncode == 1
        assert "H36" in refused.stderr
        anew = finding["remedy"].partition("give the clone an identity of its own: ")[2]
        boot_anew(spare_lab, "Y", anew.replace("NAME", "Y"))
        own = spare_lab.run("Y", "cat /var/lib/docker/engine-id").stdout
        assert own not in ("", copied)
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "rm /var/lib/docker/engine-id")
        restart(spare_lab, "Y")


def test_a_host_name_that_another_has_in_other_letters_is_told_and_up_refuses_until_it_has_its_own(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    """Constraints and ``node ls`` know no capitals."""
    spare_lab.run("Y", "hostnamectl set-hostname x")
    try:
        finding = the_one(spare_lab, steady_inventory, "H37")
        assert (finding["severity"], finding["where"], finding["evidence"]) == ("error", "X, Y", "x")
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), check=False)
        assert refused.returncode == 1
        assert "H37" in refused.stderr
        rename = finding["remedy"].partition("; hostnamectl ")[2].partition(";")[0]
        spare_lab.run("Y", f"hostnamectl {rename.replace('NAME', 'Y')}")
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "hostnamectl set-hostname Y")


def by_any_key(lab: SpareLab, host: str, command: str) -> int:
    """Run *command* on *host*, whatever SSH host key it shows; return its exit code."""
    call = room.ssh_command(lab.places, lab.status(host), [command])
    lax = {"StrictHostKeyChecking=yes": "StrictHostKeyChecking=no"}
    lax[f'UserKnownHostsFile="{lab.places.known_hosts}"'] = "UserKnownHostsFile=/dev/null"
    assert lax.keys() <= set(call)
    done = subprocess.run([lax.get(word, word) for word in call], stdin=subprocess.DEVNULL, timeout=120, check=False)
    return done.returncode


def await_sshd(lab: SpareLab, host: str) -> None:
    """Wait until *host* lets in for a while: a port that was closed is the lab's to publish again."""
    deadline, in_a_row = time.monotonic() + 30, 0
    while in_a_row < 4:
        assert time.monotonic() < deadline, f"{host} lets nobody in"
        in_a_row = 0 if by_any_key(lab, host, "true") else in_a_row + 1
        time.sleep(0.3)


def test_a_copied_ssh_host_key_is_told_and_goes_when_the_copy_makes_its_own_and_that_is_trusted(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    key = spare_lab.run("X", "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub").stdout.strip()
    known, inventory = tmp_path / "known_hosts", tmp_path / "copied.yaml"
    known.write_text(f"127.88.0.34 {key}\n[127.88.0.35]:2222 {key}\n")
    whole = steady_inventory.read_text()
    inventory.write_text(whole.replace(str(spare_lab.places.known_hosts), str(known)))
    assert inventory.read_text() != whole
    pair = spare_lab.run("X", "tar -C /etc/ssh -c ssh_host_ed25519_key ssh_host_ed25519_key.pub | base64 -w0").stdout
    spare_lab.run("Y", "mkdir /root/own && cp -a /etc/ssh/ssh_host_* /root/own/")
    try:
        spare_lab.run("Y", f"echo {pair} | base64 -d | tar -C /etc/ssh -x && systemctl restart ssh")
        await_sshd(spare_lab, "Y")
        finding = the_one(spare_lab, inventory, "H36")
        assert (finding["severity"], finding["where"]) == ("error", "X, Y")
        assert "the same SSH host key" in finding["what"]
        assert finding["evidence"] == key.split()[1]
        there, _, here = finding["remedy"].removeprefix("on the copy: ").partition("; then here: ")
        assert by_any_key(spare_lab, "Y", there) == 0
        await_sshd(spare_lab, "Y")
        program, *words = shlex.split(here)
        assert program == "swarmkit"
        spare_lab.swarmkit(*words, "--yes")
        assert findings(spare_lab, inventory) == []
    finally:
        back = "rm /etc/ssh/ssh_host_*; mv /root/own/* /etc/ssh/ && rmdir /root/own && systemctl restart ssh"
        assert by_any_key(spare_lab, "Y", back) == 0
        await_sshd(spare_lab, "Y")


VLAN = "modprobe 8021q; ip link add link vec0 name vec0.5 address 02:00:00:00:00:05 type vlan id 5"


def test_a_copied_hardware_address_is_told_and_goes_when_the_copy_s_is_changed(
    spare_lab: SpareLab, steady_inventory: Path, tmp_path: Path
) -> None:
    inventory = tmp_path / "copied.yaml"
    inventory.write_text(steady_inventory.read_text())
    for host, last in (("X", "34"), ("Y", "35")):
        data = f"swarm_advertise_addr: 10.88.0.{last}, swarm_data_path_addr: 10.55.0.{last}"
        inventory.write_text(inventory.read_text().replace(f"swarm_advertise_addr: 10.88.0.{last}", data))
        spare_lab.run(host, f"{VLAN} && ip addr add 10.55.0.{last}/24 dev vec0.5 && ip link set vec0.5 up")
    try:
        found = findings(spare_lab, inventory)
        # No frame from the one to the other passes either: a switch gives nobody what he has sent to himself.
        assert {one["code"] for one in found} == {"H06", "H07", "H36"}
        (finding,) = (one for one in found if one["code"] == "H36")
        assert (finding["severity"], finding["where"]) == ("error", "X, Y")
        assert "the same MAC address" in finding["what"]
        assert finding["evidence"] == "02:00:00:00:00:05"
        change = finding["remedy"].partition("; till then on the copy: ")[2]
        spare_lab.run("Y", change.replace("DEVICE", "vec0.5"))
        assert findings(spare_lab, inventory) == []
    finally:
        for host in "XY":
            spare_lab.run(host, "ip link del vec0.5")


def test_an_address_that_two_hosts_have_is_told_and_goes_where_it_is_not_the_host_s(
    spare_lab: SpareLab, steady_inventory: Path
) -> None:
    spare_lab.run("Y", "ip addr add 10.88.0.34/24 dev vec0")
    try:
        found = findings(spare_lab, steady_inventory)
        (finding,) = (one for one in found if "follows_from" not in one)
        assert (finding["code"], finding["severity"], finding["where"]) == ("H36", "error", "Y, X")
        assert {one["follows_from"] for one in found if one != finding} == {"H36"}, "what does not pass is its doing"
        assert finding["evidence"] == "10.88.0.34 on vec0 of Y"
        refused = spare_lab.swarmkit("up", "--yes", "-i", str(steady_inventory), check=False)
        assert refused.returncode == 1
        assert "H36" in refused.stderr
        spare_lab.run("Y", command_for("Y", finding))
        assert findings(spare_lab, steady_inventory) == []
    finally:
        spare_lab.run("Y", "ip addr del 10.88.0.34/24 dev vec0", check=False)
