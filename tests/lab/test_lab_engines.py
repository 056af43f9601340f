"""The older engine, on its own disk image beside the newer one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab.packed_engine import OFFERING, packing
from lab.spare_lab import SpareLab

from swarmkit import lab as room
from swarmkit.lab import LabHost
from swarmkit.verify.encryption.firewall import dropped_vnis, marked_vnis

pytestmark = pytest.mark.lab


INVENTORY = """
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {state}/id_ed25519
    swarm_known_hosts: {state}/known_hosts
    swarm_address_pools: [10.20.0.0/16]
  children:
    managers:
      hosts:
        X: {{ansible_host: 127.88.0.34, swarm_advertise_addr: 10.88.0.34}}
    workers:
      hosts:
        old: {{ansible_host: 127.88.0.36, swarm_advertise_addr: 10.88.0.36}}
"""


def doctor_of_both(lab: SpareLab, folder: Path, settings: str = "") -> Any:
    """Return the findings of the doctor on hosts of both engine versions, with more *settings* of the swarm."""
    inventory = folder / "inventory.yaml"
    inventory.write_text(INVENTORY.format(state=lab.places.state).replace("  vars:\n", f"  vars:\n{settings}"))
    return json.loads(lab.swarmkit("doctor", "--json", "-i", str(inventory), check=False).stdout)["findings"]


def marks_by_u32_without_bpf(lab: SpareLab, folder: Path) -> None:
    """Check that this engine encrypts by xt_u32 where there is no xt_bpf, as doctor and verify believe it does."""
    lab.run("old", "modprobe -r xt_bpf && echo install xt_bpf /bin/false >/etc/modprobe.d/no-bpf.conf")
    told = {finding["code"]: finding for finding in doctor_of_both(lab, folder)}
    assert told.keys() == {"H61", "H22"}
    assert "takes xt_u32; no xt_bpf" in told["H22"]["evidence"]
    # An address of its own: the engine takes no other.
    lab.run("old", "docker swarm init --advertise-addr 10.88.0.36 && systemctl restart docker")
    lab.run("old", "docker network create -d overlay --opt encrypted --attachable net")
    lab.run("old", "tar -C /bin -c sleep $(ldd /bin/sleep | grep -o '/[^ ]*') | docker import - sleep:1")
    lab.run("old", "docker run -d --network net sleep:1 /sleep 600")
    vni = int(
        lab.run("old", "docker network inspect -f '{{json .Options}}' net")
        .stdout.split('vxlanid_list":"')[1]
        .split('"')[0]
    )
    rules = [lab.run("old", f"iptables -w {table} -S").stdout for table in ("-t mangle", "-t filter")]
    assert all("-m u32" in of_table for of_table in rules)
    assert marked_vnis(rules[0], 4789).keys() == dropped_vnis(rules[1], 4789).keys() == {vni}

    # Forbidden first: the engine may write its rules anew at any time, which would load it again.
    lab.run("old", "echo install xt_u32 /bin/false >/etc/modprobe.d/no-u32.conf")
    lab.run("old", "iptables -w -t mangle -F; iptables -w -F INPUT; modprobe -r xt_u32")
    told = {finding["code"]: finding for finding in doctor_of_both(lab, folder)}
    assert told["H04"]["where"] == "old"
    lab.run("old", f"{told['H04']['remedy'].removeprefix('on old: ')} && test -d /sys/module/xt_bpf")
    assert "H04" not in {finding["code"] for finding in doctor_of_both(lab, folder)}


def test_engine_20_10_runs_in_the_same_lab(spare_lab: SpareLab, tmp_path: Path) -> None:
    room.up(spare_lab.places, [LabHost("old", 36, engine="20.10", memory_megabytes=640)])
    try:
        assert spare_lab.run("old", "docker version -f '{{.Server.Version}}'").stdout.startswith("20.10")
        spare_lab.run("old", "modprobe -a esp4 xfrm_user ip_vs vxlan xt_bpf xt_policy")
        assert spare_lab.run("old", "ping -c3 -W2 10.88.0.34").returncode == 0
        (finding,) = doctor_of_both(spare_lab, tmp_path)
        assert (finding["code"], finding["severity"], finding["where"]) == ("H61", "warning", "old")
        assert "X: 26.1" in finding["evidence"]
        assert "old: 20.10" in finding["evidence"]
        assert "upgrade its engine to 26.1" in finding["remedy"]
        other_port = {
            one["code"]: one for one in doctor_of_both(spare_lab, tmp_path, "    swarm_data_path_port: 7789\n")
        }
        assert other_port.keys() == {"H61", "H08"}
        assert (other_port["H08"]["severity"], other_port["H08"]["where"]) == ("error", "old")
        assert other_port["H08"]["remedy"].startswith("leave swarm_data_path_port out, or upgrade")
        marks_by_u32_without_bpf(spare_lab, tmp_path)
    finally:
        room.act(spare_lab.places, "power-off", "old")


@pytest.mark.nightly
def test_the_remedy_of_engines_of_two_releases_ends_the_finding(spare_lab: SpareLab, tmp_path: Path) -> None:
    room.up(spare_lab.places, [LabHost("old", 36, engine="20.10", memory_megabytes=640)])
    room.reset(spare_lab.places, ["old"])
    try:
        spare_lab.run("X", packing("docker.io docker-cli containerd"))
        packed = room.ssh_command(spare_lab.places, spare_lab.status("X"), ["tar -C /opt -c packed"])
        with subprocess.Popen(packed, stdout=subprocess.PIPE) as source:
            unpack = room.ssh_command(spare_lab.places, spare_lab.status("old"), ["tar -C /opt -x"])
            subprocess.run(unpack, stdin=source.stdout, check=True, timeout=300)
        spare_lab.run("old", OFFERING)
        inventory = tmp_path / "inventory.yaml"
        inventory.write_text(INVENTORY.format(state=spare_lab.places.state))
        spare_lab.swarmkit("up", "--yes", "-i", str(inventory))
        (finding,) = doctor_of_both(spare_lab, tmp_path)
        assert (finding["code"], finding["where"]) == ("H61", "old")
        _, _, command = finding["remedy"].partition(": swarmkit ")
        assert command == "engine upgrade --version 26.1.5 --host old"
        spare_lab.swarmkit(*command.split(), "--yes", "-i", str(inventory))
        assert doctor_of_both(spare_lab, tmp_path) == []
        assert (
            spare_lab.run("old", "docker version -f '{{.Client.Version}} {{.Server.Version}}'").stdout.split()
            == ["26.1.5+dfsg1"] * 2
        )
        spare_lab.swarmkit("verify", "-i", str(inventory))
    finally:
        spare_lab.leave_swarm("X")
        room.act(spare_lab.places, "power-off", "old")
