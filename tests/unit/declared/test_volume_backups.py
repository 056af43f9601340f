"""How a stack file marks a volume for backup, and what it must not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack, VolumeBackup
from swarmkit.errors import InputError


def loaded(folder: Path, volume: str, more: str = "") -> Stack:
    path = folder / "stack.yaml"
    path.write_text(
        "services:\n"
        "  web: {image: 'web:1', depends_on: [api]}\n"
        "  api: {image: 'api:1', depends_on: [store]}\n"
        "  store: {image: 'store:1', volumes: ['data:/data']}\n"
        f"{more}volumes:\n  data: {volume}\n"
    )
    return load_stack(path, name="s", environment={})


def test_a_volume_is_dumped_by_the_command_of_the_service_that_mounts_it(tmp_path: Path) -> None:
    stack = loaded(tmp_path, "{x-swarmkit: {backup: {dump: [pg_dump, shop], restore: psql -q shop}}}")
    (volume,) = stack.volumes
    assert volume.backup == VolumeBackup(("pg_dump", "shop"), ("psql", "-q", "shop"))
    assert stack.owner(volume).name == "store"
    assert {service.name for service in stack.dependents("store")} == {"web", "api"}


def test_a_volume_is_copied_stopped_or_not_backed_up(tmp_path: Path) -> None:
    assert loaded(tmp_path, "{x-swarmkit: {backup: stopped}}").volumes[0].backup == VolumeBackup()
    assert loaded(tmp_path, "").volumes[0].backup is None


def test_the_owner_of_a_shared_volume_is_named(tmp_path: Path) -> None:
    second = "  other: {image: 'o:1', volumes: ['data:/data']}\n"
    stack = loaded(tmp_path, "{x-swarmkit: {backup: {dump: a, restore: b, service: other}}}", second)
    assert stack.owner(stack.volumes[0]).name == "other"
    with pytest.raises(InputError, match="several services mount the volume: store, other"):
        loaded(tmp_path, "{x-swarmkit: {backup: stopped}}", second)


@pytest.mark.parametrize(
    ("volume", "says"),
    [
        ("{x-swarmkit: {backup: hot}}", "'hot' is no way to back a volume up"),
        ("{x-swarmkit: {backup: {dump: [pg_dump]}}}", "needs a command that reads it"),
        ("{x-swarmkit: {backup: {dump: a, restore: b, when: now}}}", "unknown key 'when'"),
        ("{x-swarmkit: {copy: stopped}}", "unknown key 'copy'"),
        ("{driver: nfs, x-swarmkit: {backup: stopped}}", "only a plain local volume"),
        ("{x-swarmkit: {backup: {dump: a, restore: b, service: api}}}", "'api' does not mount the volume"),
    ],
)
def test_a_mark_that_cannot_be_kept_is_refused(tmp_path: Path, volume: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, volume)
    assert says in str(caught.value)
