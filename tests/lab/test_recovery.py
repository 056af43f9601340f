"""The shop lost with all its hosts, and brought back with its data from a backup."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from lab.shop_lab import Lab, Shop
from lab.test_main_job import customers, eventually, order

pytestmark = pytest.mark.lab

# A second volume beside the database's, which is copied while its service stands.
NOTES = """
  notes:
    image: shop-database:1.0
    entrypoint: [sh, -c, "trap exit TERM; while :; do sleep 1; done"]
    networks: [shop]
    volumes: ["notes:/notes"]
    user: "0:0"
    deploy:
      placement:
        constraints: [node.labels.role == database]
"""


def with_notes(shop: Shop, folder: Path) -> list[str | Path]:
    """Return the arguments that declare the shop and a service whose volume is backed up as files."""
    text = shop.stack.read_text().replace("\nnetworks:\n", f"{NOTES}\nnetworks:\n", 1)
    text = text.replace("\nsecrets:\n", "\n  notes:\n    x-swarmkit: {backup: stopped}\n\nsecrets:\n", 1)
    stack = folder / "stack.yaml"
    stack.write_text(text)
    (folder / "db_password.txt").write_bytes((shop.stack.parent / "db_password.txt").read_bytes())
    (folder / "db_password.txt").chmod(0o600)
    return ["-i", shop.lab.inventory, "-f", stack, "--stack", "shop"]


def container(lab: Lab, service: str) -> str:
    return lab.run("C", f"docker ps -q --no-trunc --filter label=com.docker.swarm.service.name={service}").strip()


def answers(shop: Shop) -> bool:
    """Tell whether the shop has orders to show: its page is on the manager, whose engine stops for a backup."""
    try:
        return bool(customers(shop.url))
    except OSError:
        return False


def succeeded(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_a_shop_whose_hosts_are_all_wiped_is_rebuilt_with_its_orders(deployed_shop: Shop, tmp_path: Path) -> None:
    lab, images = deployed_shop.lab, ("--images", deployed_shop.images)
    declared = with_notes(deployed_shop, tmp_path)
    succeeded(lab.swarmkit("up", "--yes", "--no-verify", *declared, *images))
    order(deployed_shop.url, "before the backup")
    lab.run("C", f"docker exec {container(lab, 'shop_notes')} sh -c 'echo kept >/notes/file'")
    database = container(lab, "shop_database")
    key = tmp_path / "passphrase"
    key.touch(mode=0o600)
    key.write_text("correct horse battery staple\n")
    backups = tmp_path / "backups"
    backups.mkdir(mode=0o700)
    opened = ("--passphrase-file", key)

    said = succeeded(lab.swarmkit("backup", "--yes", *declared, "-o", backups, *opened))
    assert "shop_database was interrupted for 0.0 s" in said
    assert container(lab, "shop_database") == database
    (archive,) = backups.iterdir()
    assert archive.stat().st_mode & 0o777 == 0o600
    assert str(archive) in succeeded(lab.swarmkit("backup", "ls", backups))
    shown = succeeded(lab.swarmkit("backup", "verify", archive, *opened))
    assert "shop_database-data of shop_database on C: dumped, goes back by psql" in shown
    assert "shop_notes of shop_notes on C: its files" in shown
    assert "running-shop.yaml" in shown
    assert "kept" in lab.run("C", f"docker exec {container(lab, 'shop_notes')} cat /notes/file")
    assert eventually(lambda: answers(deployed_shop), 180)
    order(deployed_shop.url, "after the backup")

    succeeded(lab.swarmkit("lab", "reset", "A", "B", "C"))
    empty = lab.swarmkit("rebuild", "--yes", *declared, *images)
    assert empty.returncode == 1
    assert "--init-empty shop_database-data" in empty.stderr
    assert "--init-empty shop_notes" in empty.stderr
    assert lab.run("A", "docker info --format '{{.Swarm.LocalNodeState}}'").strip() == "inactive"

    rebuild = ("rebuild", "--yes", *declared, *images, "--data", archive, *opened)
    said = succeeded(lab.swarmkit(*rebuild))
    assert "put the data back by psql" in said
    assert "3 pairs of hosts carry ESP" in said
    assert "before the backup" in customers(deployed_shop.url)
    assert "after the backup" not in customers(deployed_shop.url)
    assert "kept" in lab.run("C", f"docker exec {container(lab, 'shop_notes')} cat /notes/file")
    assert order(deployed_shop.url, "after the rebuild")["customer"] == "after the rebuild"
    labels = json.loads(lab.run("A", "docker info --format '{{json .Swarm.Cluster.Spec.Labels}}'"))
    assert {"swarmkit.data.shop_database-data", "swarmkit.data.shop_notes"} <= labels.keys()
    assert "nothing to do" in succeeded(lab.swarmkit(*rebuild))

    # The database's host loses its disk, and the swarm lives on.
    order(deployed_shop.url, "lost with the disk")
    succeeded(lab.swarmkit("lab", "reset", "C"))
    assert eventually(lambda: "C Down" in lab.run("A", "docker node ls --format '{{.Hostname}} {{.Status}}'"), 90)
    said = succeeded(lab.swarmkit(*rebuild, "--override", "H52"))
    assert "shop_backend   let it stand" in said
    assert "3 pairs of hosts carry ESP" in said
    assert "before the backup" in customers(deployed_shop.url)
    assert not {"after the rebuild", "lost with the disk"} & customers(deployed_shop.url)
    assert "kept" in lab.run("C", f"docker exec {container(lab, 'shop_notes')} cat /notes/file")
    assert order(deployed_shop.url, "after the disk")["customer"] == "after the disk"
    (old,) = lab.run("A", "docker node ls --filter name=C --format '{{.ID}} {{.Status}}' | grep Down").split()[:1]
    lab.run("A", f"docker node rm {old}")

    # The other tests' shop is as it was.
    succeeded(lab.swarmkit("up", "--yes", "--no-verify", "--prune", *deployed_shop.arguments))
    # A service's removal answers before its container is gone, which holds the volume until then.
    assert eventually(lambda: not lab.run("C", "docker ps -aq --filter volume=shop_notes").strip(), 120)
    lab.run("C", "docker volume rm shop_notes")
