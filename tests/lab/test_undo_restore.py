"""A restore that was a mistake: the state that it moved aside comes back, broken as it was, and goes on once mended."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.spare_lab import SpareLab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

STATE = "docker info --format '{{.Swarm.LocalNodeState}}'"
KEY = "/var/lib/docker/swarm/certificates/swarm-node.key"


def configs(lab: SpareLab) -> set[str]:
    names = lab.run("X", "docker config ls --format '{{.Name}}'").stdout.split()
    return {name for name in names if not name.startswith("swarmkit.")}


def test_what_a_restore_moved_aside_comes_back_and_what_it_brought_is_kept(spare_lab: SpareLab, tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(spare_lab.inventory("undone"))
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text("correct horse battery staple\n")
    of = ("--yes", "-i", str(path))
    try:
        spare_lab.swarmkit("up", *of, "--no-verify")
        spare_lab.run("X", "echo then | docker config create old -")
        spare_lab.swarmkit("backup", "take", *of, "-o", str(tmp_path), "--passphrase-file", str(secret))
        (archive,) = tmp_path.glob("undone-*.swarmkit.age")
        spare_lab.run("X", "echo later | docker config create newer -")
        nothing = spare_lab.swarmkit("recover", "undo-restore", "X", *of, check=False)
        assert nothing.returncode == 1
        assert "no restore has moved a swarm's state aside on it" in nothing.stderr

        spare_lab.run("X", f"systemctl stop docker.socket docker; cp {KEY} /root/key; echo x >{KEY}")
        spare_lab.run("X", "systemctl start docker")
        assert spare_lab.run("X", STATE).stdout.strip() == "error"
        restored = spare_lab.swarmkit("restore", str(archive), *of, "--passphrase-file", str(secret)).stdout
        assert configs(spare_lab) == {"old"}
        (told,) = [line for line in restored.splitlines() if line.startswith("X: swarm.before-restore-")]
        assert told in spare_lab.swarmkit("status", "-i", str(path)).stdout

        # An engine that cannot start: what the restore has put there lies there again.
        spare_lab.run("X", "echo '{' >/etc/docker/daemon.json")
        failed = spare_lab.swarmkit("recover", "undo-restore", "X", *of, check=False)
        assert failed.returncode == 1
        assert "X: could not put back what was there" in failed.stderr
        spare_lab.run("X", "rm /etc/docker/daemon.json; systemctl reset-failed docker docker.socket")
        spare_lab.run("X", "systemctl start docker")
        assert configs(spare_lab) == {"old"}

        undone = spare_lab.swarmkit("recover", "undo-restore", "X", *of)
        assert "its swarm state is error" in undone.stdout
        assert spare_lab.run("X", STATE).stdout.strip() == "error"
        assert spare_lab.run("X", "ls -d /var/lib/docker/swarm.*").stdout.startswith("/var/lib/docker/swarm.restored-")
        spare_lab.run("X", f"systemctl stop docker.socket docker; cp /root/key {KEY}")
        # The fourth start of this minute.
        spare_lab.run("X", "systemctl reset-failed docker docker.socket; systemctl start docker")
        assert spare_lab.run("X", STATE).stdout.strip() == "active"
        assert configs(spare_lab) == {"old", "newer"}
        assert "nothing to do" in spare_lab.swarmkit("up", *of).stdout

        assert "X: swarm.restored-" in spare_lab.swarmkit("status", "-i", str(path)).stdout
        assert "the undoing of a restore moved aside" in spare_lab.swarmkit("recover", "prune", "X", *of).stdout
        assert spare_lab.run("X", "ls /var/lib/docker | grep swarm").stdout.split() == ["swarm"]
        assert "moved aside" not in spare_lab.swarmkit("status", "-i", str(path)).stdout
        assert configs(spare_lab) == {"old", "newer"}
        assert "no restore has left anything aside" in spare_lab.swarmkit("recover", "prune", *of).stdout
    finally:
        spare_lab.leave_swarm("Y")
        spare_lab.leave_swarm("X")
        spare_lab.run("X", "rm -rf /var/lib/docker/swarm.* /root/key")
