"""The shop's managers are all gone, and it goes on from its backup on other hosts, which have other addresses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.shop_lab import PASSWORD, STACK, Lab
from lab.test_main_job import customers, eventually, order

pytestmark = [pytest.mark.lab, pytest.mark.nightly, pytest.mark.timeout(1800)]

ROLES = {"K": "frontend", "L": "backend", "M": "database"}
OLD, NEW = 111, 114
"""Number of the first of the three hosts, before and after."""


def written(state: Path, first: int) -> Path:
    """Write the inventory of three managers whose addresses end with *first* and the two after it."""
    hosts = {
        name: {
            "ansible_host": f"127.88.0.{number}",
            "swarm_advertise_addr": f"10.88.0.{number}",
            "swarm_labels": {"role": role},
            "lab_memory": 768,
        }
        for number, (name, role) in enumerate(ROLES.items(), first)
    }
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(state / "id_ed25519"),
        "swarm_known_hosts": str(state / "known_hosts"),
        "swarm_cluster": "moving",
        "swarm_address_pools": ["10.20.0.0/16"],
    }
    path = state.parent.parent / f"from-{first}.yaml"
    path.write_text(json.dumps({"all": {"vars": variables, "children": {"managers": {"hosts": hosts}}}}))
    return path


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three bare hosts at the old addresses; ended after the last test."""
    home = tmp_path_factory.mktemp("moving")
    state = home / "swarmkit" / "lab"
    made = Lab(state, {**os.environ, "XDG_STATE_HOME": str(home)}, home / f"from-{OLD}.yaml")
    state.mkdir(parents=True)
    written(state, OLD)
    try:
        made.up()
        yield made
    finally:
        made.swarmkit("lab", "down")


def succeeded(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def nodes(lab: Lab) -> set[str]:
    """Return each node's name, state, role in the raft and address, as K says."""
    template = "{{.Description.Hostname}} {{.Status.State}} {{.ManagerStatus.Reachability}} {{.ManagerStatus.Addr}}"
    return set(lab.run("K", f"docker node inspect $(docker node ls -q) --format '{template}'").splitlines())


def test_a_shop_whose_hosts_are_gone_goes_on_from_its_backup_at_other_addresses(
    hosts: Lab, images: Path, tmp_path: Path
) -> None:
    stack = Path(shutil.copy(STACK, tmp_path / "stack.yaml"))
    for name, text in (("db_password.txt", PASSWORD), ("passphrase", "correct horse battery staple\n")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    backups = tmp_path / "backups"
    backups.mkdir(mode=0o700)
    declared = ("-f", stack, "--stack", "shop")
    opened, sent = ("--passphrase-file", tmp_path / "passphrase"), ("--images", images)
    succeeded(hosts.swarmkit("up", "--yes", "--no-verify", "-i", hosts.inventory, *declared, *sent))
    order(f"http://127.88.0.{OLD}:8080", "before the move")
    cluster = hosts.run("K", "docker info --format '{{.Swarm.Cluster.ID}}'")
    succeeded(hosts.swarmkit("backup", "--yes", "-i", hosts.inventory, *declared, "-o", backups, *opened))
    (archive,) = backups.iterdir()

    succeeded(hosts.swarmkit("lab", "down"))
    succeeded(hosts.swarmkit("lab", "reset", *ROLES))
    moved = written(hosts.state, NEW)
    hosts.up(moved)
    restore = ("restore", archive, "--yes", "-i", moved, *opened, *sent)
    refused = hosts.swarmkit(*restore)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "--new-addresses" in refused.stderr
    assert hosts.run("K", "docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"

    restored = hosts.swarmkit(*restore, "--new-addresses")
    assert "3 pairs of hosts carry ESP" in succeeded(restored)
    assert "shop_database-data: put the data back by psql" in restored.stderr
    url = f"http://127.88.0.{NEW}:8080"
    assert eventually(lambda: "before the move" in customers(url), 120)
    assert order(url, "after the move")["customer"] == "after the move"
    assert hosts.run("K", "docker info --format '{{.Swarm.Cluster.ID}}'") == cluster
    assert nodes(hosts) == {
        f"{name} ready reachable 10.88.0.{number}:2377" for number, name in enumerate(ROLES, NEW)
    }  # fmt: skip
    assert "nothing to do" in succeeded(hosts.swarmkit(*restore, "--new-addresses"))
    again = succeeded(hosts.swarmkit("up", "--yes", "-i", moved, *declared, *sent))
    assert "nothing to do" in again
    assert customers(url) == {"before the move", "after the move"}
