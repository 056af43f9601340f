from pathlib import Path

import pytest

from swarmkit.errors import InputError
from swarmkit.workflows.inputs import read_declared

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
