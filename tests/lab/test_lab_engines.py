"""The older engine, on its own disk image beside the newer one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab.spare_lab import SpareLab

from swarmkit import lab as room
from swarmkit.lab import LabHost

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


def doctor_of_both(lab: SpareLab, folder: Path) -> Any:
    """Return the one finding of the doctor on hosts of both engine versions."""
    inventory = folder / "inventory.yaml"
    inventory.write_text(INVENTORY.format(state=lab.places.state))
    (finding,) = json.loads(lab.swarmkit("doctor", "--json", "-i", str(inventory)).stdout)["findings"]
    return finding


def test_engine_20_10_runs_in_the_same_lab(spare_lab: SpareLab, tmp_path: Path) -> None:
    room.up(spare_lab.places, [LabHost("old", 36, engine="20.10", memory_megabytes=640)])
    try:
        assert spare_lab.run("old", "docker version -f '{{.Server.Version}}'").stdout.startswith("20.10")
        spare_lab.run("old", "modprobe -a esp4 xfrm_user ip_vs vxlan xt_bpf xt_policy")
        assert spare_lab.run("old", "ping -c3 -W2 10.88.0.34").returncode == 0
        finding = doctor_of_both(spare_lab, tmp_path)
        assert (finding["code"], finding["severity"], finding["where"]) == ("H61", "warning", "old")
        assert "X: 26.1" in finding["evidence"]
        assert "old: 20.10" in finding["evidence"]
        assert "upgrade its engine to 26.1" in finding["remedy"]
    finally:
        room.act(spare_lab.places, "power-off", "old")
