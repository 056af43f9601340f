from pathlib import Path

import pytest
from fakes.swarm import write_archive

from swarmkit.declared.stack.image_archive import names_registry, read_image_archives
from swarmkit.errors import InputError


def test_archives_are_found_by_tag(tmp_path: Path) -> None:
    identity = write_archive(tmp_path / "web.tar", "web:1")
    (tmp_path / "README").write_text("not looked at")
    found = read_image_archives(tmp_path)
    assert list(found) == ["web:1"]
    assert found["web:1"].image_id == identity
    assert found["web:1"].size_bytes == (tmp_path / "web.tar").stat().st_size


def test_files_that_are_no_archives_are_refused_all_at_once(tmp_path: Path) -> None:
    write_archive(tmp_path / "good.tar", "web:1")
    (tmp_path / "one.tar").write_bytes(b"not a tar file")
    (tmp_path / "two.tar").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        read_image_archives(tmp_path)
    assert "one.tar" in caught.value.what
    assert "two.tar" in caught.value.what
    assert "good.tar" not in caught.value.what


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_image_archives(tmp_path / "absent")


@pytest.mark.parametrize(
    ("reference", "answer"),
    [("nginx", False), ("library/nginx", False), ("ghcr.io/x/y", True), ("localhost/x", True), ("host:5000/x", True)],
)
def test_a_reference_names_a_registry_by_its_first_part(reference: str, answer: bool) -> None:
    assert names_registry(reference) is answer
