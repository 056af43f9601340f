import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.swarm import write_archive

from swarmkit.errors import InputError
from swarmkit.workflows.inputs import read_declared

ROOT = Path(__file__).resolve().parents[3]
GOOD_INVENTORY = "managers: {hosts: {A: {ansible_host: 192.0.2.1}}}\n"
GOOD_STACK = "services: {web: {image: 'web:1'}}\n"


def test_complaints_of_inventory_stack_and_images_come_together(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("managers: {hosts: {A: {ansible_host: 10.0.0.300}}}\n")
    (tmp_path / "stack.yaml").write_text("services: {web: {restart: always}}\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "web.tar").write_bytes(b"no archive")
    with pytest.raises(InputError) as caught:
        read_declared(tmp_path / "inventory.yaml", [tmp_path / "stack.yaml"], images=tmp_path / "images")
    files = {Path(complaint.file).name for complaint in caught.value.complaints}
    assert files == {"inventory.yaml", "stack.yaml"}
    assert "web.tar: not a docker-archive file" in caught.value.what


def test_good_files_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(GOOD_INVENTORY)
    (tmp_path / "stack.yaml").write_text(GOOD_STACK)
    declared = read_declared(tmp_path / "inventory.yaml", [tmp_path / "stack.yaml"], stack_name="shop", prune=True)
    assert [host.name for host in declared.inventory.hosts] == ["A"]
    assert declared.stack is not None
    assert (declared.stack.name, declared.prune) == ("shop", True)


def test_logins_are_read_for_the_images_that_are_pulled_and_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"auth": base64.b64encode(b"me:word").decode()}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"r.example": entry, "sent.example": entry}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "inventory.yaml").write_text(GOOD_INVENTORY)
    images = "{web: {image: 'r.example/web:1'}, other: {image: 'sent.example/other:1'}, id: {image: 'sha256:0a'}}"
    (tmp_path / "stack.yaml").write_text(f"services: {images}\n")
    (tmp_path / "images").mkdir()
    write_archive(tmp_path / "images" / "other.tar", "sent.example/other:1")
    files = (tmp_path / "inventory.yaml", [tmp_path / "stack.yaml"])
    asked = read_declared(*files, images=tmp_path / "images", with_registry_auth=True)
    assert asked.logins is not None
    assert asked.logins.headers.keys() == {"r.example"}
    assert asked.logins.of("r.example/anything:2") is not None
    assert read_declared(*files, images=tmp_path / "images").logins is None


def test_the_docker_sdk_is_loaded_for_logins_alone(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(GOOD_INVENTORY)
    (tmp_path / "stack.yaml").write_text(GOOD_STACK)
    script = (
        "import sys; from pathlib import Path; from swarmkit.workflows.inputs import read_declared\n"
        "read_declared(Path('inventory.yaml'), [Path('stack.yaml')], with_registry_auth=len(sys.argv) > 1)\n"
        "print('docker' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", script, *more],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for more in ([], ["asked"])
    ]
    assert said == ["False", "True"]
