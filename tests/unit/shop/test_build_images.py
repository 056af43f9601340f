"""The shop's image builder: when it builds, what it writes, and what it says when it cannot."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

SHOP = Path(__file__).resolve().parents[3] / "examples" / "shop"
SCRIPT = SHOP / "build-images"


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("build_images", str(SCRIPT))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("build_images", loader))
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = writes
    return module


def test_archives_of_these_sources_are_up_to_date_and_nothing_is_built(builder: ModuleType, tmp_path: Path) -> None:
    for service in builder.SERVICES:
        builder.archive(tmp_path, service).touch()
    (tmp_path / "shop.sources").write_text(builder.sources_hash())

    done = subprocess.run(
        [SCRIPT, "--output", tmp_path], env={"PATH": str(Path(sys.executable).parent)}, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, f"up to date: {tmp_path}\n")


def test_a_missing_archive_or_other_sources_are_not_up_to_date(builder: ModuleType, tmp_path: Path) -> None:
    stamp = tmp_path / "shop.sources"
    stamp.write_text("abc\n")
    assert not builder.up_to_date(tmp_path, stamp, "abc")
    for service in builder.SERVICES:
        builder.archive(tmp_path, service).touch()
    assert builder.up_to_date(tmp_path, stamp, "abc")
    assert not builder.up_to_date(tmp_path, stamp, "def")


def test_missing_tools_are_named_with_the_packages_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPT, "--output", tmp_path], env={"PATH": str(Path(sys.executable).parent)}, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "mmdebstrap and buildah not found" in done.stderr
    assert "apt-get install buildah mmdebstrap" in done.stderr


def test_an_archive_gets_exactly_its_one_tag_and_keeps_its_layers(builder: ModuleType, tmp_path: Path) -> None:
    pushed = {
        "manifest.json": json.dumps(
            [
                {
                    "Config": "c.json",
                    "RepoTags": ["localhost/shop-x:1.0", "docker.io/library/shop-x:1.0"],
                    "Layers": ["l.tar"],
                }
            ]
        ),
        "c.json": "{}",
        "l.tar": "layer",
        "repositories": "{}",
    }
    with tarfile.open(tmp_path / "pushed.tar", "w") as archive:
        for name, text in pushed.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))

    builder.with_tag(tmp_path / "pushed.tar", tmp_path / "tagged.tar", "shop-x:1.0")

    with tarfile.open(tmp_path / "tagged.tar") as archive:
        assert archive.getnames() == ["manifest.json", "c.json", "l.tar"]
        assert json.load(archive.extractfile("manifest.json")) == [
            {"Config": "c.json", "RepoTags": ["shop-x:1.0"], "Layers": ["l.tar"]}
        ]
        assert archive.extractfile("l.tar").read() == b"layer"


@pytest.mark.parametrize("service", ["frontend", "backend"])
def test_lock_files_name_no_registry(service: str) -> None:
    assert '"resolved"' not in (SHOP / service / "package-lock.json").read_text()
