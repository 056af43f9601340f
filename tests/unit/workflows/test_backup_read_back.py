"""A backup's file is read back before it gets its name, and before older ones are removed for it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fakes.backing_up import Operator
from fakes.quick_age import seal_quickly
from fakes.swarm import FakeFleet

from swarmkit.errors import SwarmkitError
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.archive import read
from swarmkit.recovery.keys import Opener, Sealer
from swarmkit.secret import Secret

STACK = """
services:
  store:
    image: 'store:1'
    volumes: ['data:/data']
    deploy: {placement: {constraints: [node.labels.role == database]}}
volumes:
  data: {x-swarmkit: {backup: stopped}}
"""


@pytest.fixture
def operator(fleet: FakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    made = Operator(fleet, tmp_path, STACK)
    made.deploy(monkeypatch)
    (tmp_path / "prod-20260101T000000Z.swarmkit.age").write_text("an older one")
    return made


def holding(operator: Operator, name: str, kind: bytes) -> None:
    """Let the volume hold an entry *name*."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.type = kind
        tar.addfile(entry)
    shell: Any = operator.fleet["C"].shell
    shell.piped = lambda *_: (CommandResult(0, "", ""), packed.getvalue())


def kept(operator: Operator) -> list[str]:
    return sorted(path.name for path in operator.folder.iterdir() if path.suffix != ".yaml")


def test_a_volume_with_a_named_pipe_goes_into_a_backup_that_can_be_opened(operator: Operator) -> None:
    from pyrage import x25519

    identity = x25519.Identity.generate()
    holding(operator, "./public/pickup", tarfile.FIFOTYPE)
    report = operator.backup(keep=1, sealer=Sealer(recipients=[str(identity.to_public())]))
    assert report
    found = read(report.path, Opener(identity=Secret(str(identity).encode())))
    assert [volume.name for volume in found.manifest.volumes] == ["s_data"]
    assert kept(operator) == [report.path.name]


def test_a_backup_for_a_passphrase_is_read_back_by_it(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_quickly(monkeypatch)
    report = operator.backup(keep=1, sealer=Sealer(Secret(b"one")))
    assert report
    assert read(report.path, Opener(Secret(b"one"))).manifest == report.manifest


def test_one_that_cannot_be_read_back_is_left_by_no_name_and_older_ones_stay(operator: Operator) -> None:
    holding(operator, "../outside", tarfile.REGTYPE)
    with pytest.raises(SwarmkitError, match="cannot be read back") as caught:
        operator.backup(keep=1)
    assert caught.value.exit_code == 1
    assert "'../outside'" in caught.value.why
    assert kept(operator) == ["prod-20260101T000000Z.swarmkit.age"]
