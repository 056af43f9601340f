"""An engine that a script of the toolkit's has stopped, on a host: who comes meanwhile waits, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.spare_lab import SpareLab

pytestmark = pytest.mark.lab

STOPS = "systemctl stop docker.socket docker; sleep 8; systemctl start docker.socket docker"
STANDS = "timeout 60 sh -c 'while systemctl -q is-active docker; do sleep 0.1; done'"


def test_who_comes_while_a_backup_has_stopped_an_engine_says_that_it_waits_and_goes_on(
    spare_lab: SpareLab, tmp_path: Path
) -> None:
    (inventory := tmp_path / "inventory.yaml").write_text(spare_lab.inventory("bare"))
    spare_lab.run("Y", f"systemd-run -q flock /run/swarmkit-backup.lock sh -c '{STOPS}'")
    spare_lab.run("Y", STANDS)
    done = spare_lab.swarmkit("status", "-i", str(inventory), "--json", check=False)
    assert "Y: its engine was stopped by a swarmkit backup: waiting until that starts it again" in done.stderr
    assert "no Docker engine answers" not in done.stdout + done.stderr
    assert spare_lab.run("Y", "systemctl is-active docker").stdout == "active\n"
