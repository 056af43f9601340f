"""A rehearsal whose twin would lack an image is refused before a host of it is booted."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes.manager_state import packed_state

from swarmkit.cli.main import cli
from swarmkit.errors import InputError
from swarmkit.recovery.archive_writer import INVENTORY, STATE, writing
from swarmkit.recovery.keys import Sealer
from swarmkit.recovery.manifest import Manifest

HOSTS = """
all:
  vars: {swarm_cluster: prod, swarm_address_pools: [10.20.0.0/16]}
  hosts: {A: {ansible_host: 192.0.2.1}}
  children: {managers: {hosts: {A: }}}
"""
RUNNING = """
services:
  web: {image: 'web:1'}
  store: {image: 'registry.example/store'}
  idle: {image: 'idle:1', deploy: {replicas: 0}}
"""


class BootedError(Exception):
    """The twin was about to be booted."""


@pytest.fixture
def backed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an inventory, a backup without images, and the key file that opens it."""
    from pyrage import x25519

    def boots(*_: object) -> None:
        raise BootedError

    monkeypatch.setattr("swarmkit.cli.rehearsing.drill.run_drill", boots)
    identity = x25519.Identity.generate()
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(str(identity))
    (tmp_path / "inventory.yaml").write_text(HOSTS)
    with writing(tmp_path / "a.age", Sealer(recipients=[str(identity.to_public())])) as writer:
        state = packed_state({"swarm/docker-state.json": b"{}", "swarm/certificates/swarm-node.crt": b""})
        for name, content in ((STATE, state), (INVENTORY, HOSTS.encode()), ("running-shop.yaml", RUNNING.encode())):
            writer.add(name, content)
        manifest = Manifest(
            made_at="2026-11-24T10:00:00+00:00", cluster="prod", cluster_id="c1", host="A", node_id="n1",
            advertise_addr="192.0.2.1", engine_version="26.1.5", autolock=False, unlock_key_id="", stopped_seconds=4.0,
            nodes=(), services=("shop_web", "shop_store", "shop_idle", "other"), volumes=(), images=(),
            files=dict(writer.files),
        )  # fmt: skip
        writer.finish(manifest)
    return tmp_path


def images(folder: Path, *tags: str) -> Path:
    """Return a folder with an archive of each of *tags*, as `docker save` makes them."""
    folder.mkdir()
    for number, tag in enumerate(tags):
        with tarfile.open(folder / f"{number}.tar", "w") as tar:
            content = json.dumps([{"Config": f"{number:064}.json", "RepoTags": [tag]}]).encode()
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return folder


def rehearsed(folder: Path, command: str, *more: str) -> BaseException | None:
    words = {
        "verify": ["backup", "verify", f"{folder}/a.age", "--in-lab"],
        "rehearse": ["rehearse", f"{folder}/a.age", "-i", f"{folder}/inventory.yaml"],
    }[command]
    return CliRunner().invoke(cli, [*words, "--identity", f"{folder}/key", *more]).exception


@pytest.mark.parametrize("command", ["verify", "rehearse"])
def test_a_backup_without_images_is_not_rehearsed(backed_up: Path, command: str) -> None:
    refusal = rehearsed(backed_up, command)
    assert isinstance(refusal, InputError)
    assert refusal.what == "the twin reaches no registry, and there is no file of registry.example/store, web:1"
    one = rehearsed(backed_up, command, "--images", str(images(backed_up / "one", "web:1")))
    assert isinstance(one, InputError)
    assert one.what.endswith("no file of registry.example/store")


@pytest.mark.parametrize("command", ["verify", "rehearse"])
def test_one_whose_images_are_given_is_booted(backed_up: Path, command: str) -> None:
    folder = images(backed_up / "all", "web:1", "registry.example/store:latest")
    assert isinstance(rehearsed(backed_up, command, "--images", str(folder)), BootedError)
