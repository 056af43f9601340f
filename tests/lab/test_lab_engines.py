"""The older engine, on its own disk image beside the newer one."""

from __future__ import annotations

import pytest
from lab.spare_lab import SpareLab

from swarmkit import lab as room
from swarmkit.lab import LabHost

pytestmark = pytest.mark.lab


def test_engine_20_10_runs_in_the_same_lab(spare_lab: SpareLab) -> None:
    room.up(spare_lab.places, [LabHost("old", 36, engine="20.10", memory_megabytes=640)])
    try:
        assert spare_lab.run("old", "docker version -f '{{.Server.Version}}'").stdout.startswith("20.10")
        spare_lab.run("old", "modprobe -a esp4 xfrm_user ip_vs vxlan xt_bpf xt_policy")
        assert spare_lab.run("old", "ping -c3 -W2 10.88.0.34").returncode == 0
    finally:
        room.act(spare_lab.places, "power-off", "old")
