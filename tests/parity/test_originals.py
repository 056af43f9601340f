"""The public originals as a folder for the comparison, by the text that went through."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from parity.corpus import YOURS, cases
from parity.originals import main, originals, prepare

STACK = """
services:
  web:
    image: "web:${TAG}"
    env_file: [settings/web.env]
    ports: ["${WEB_PORT}:80"]
    secrets: [password]
    command: echo $$HOME
secrets: {password: {file: ../password.txt}}
"""


def git(clone: Path, *words: str) -> None:
    subprocess.run(["git", "-C", clone, "-c", "user.name=x", "-c", "user.email=x@x.example", *words], check=True)


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    """A clone whose newest text is another one than the one that went through."""
    clone = tmp_path / "clones" / "owner" / "name"
    clone.mkdir(parents=True)
    git(clone, "init", "-q")
    for text in (STACK, STACK.replace("web:", "page:")):
        (clone / "stack.yml").write_text(text)
        git(clone, "add", "stack.yml")
        git(clone, "commit", "-qm", "as it is")
    return clone.parent.parent


def test_an_original_is_found_in_the_history_and_can_be_compared_with_stand_ins_and_values(
    clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = tmp_path / "sums"
    digest = hashlib.sha256(STACK.encode()).hexdigest()
    sums.write_text(f"{digest}  owner/name/stack.yml\n{'0' * 64}  owner/other/stack.yml\n")
    assert [one.repository for one in prepare(clones, tmp_path / "out", sums)] == ["owner/other"]
    monkeypatch.setenv(YOURS, str(tmp_path / "out"))
    (case,) = [one for one in cases() if one.name == f"name-{digest[:4]}"]
    stack = case.load()
    assert [(one.name, one.image, one.ports[0].published) for one in stack.services] == [("web", "web:given", 8)]


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_with_some_of_them_is_enough_and_one_with_none_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    clone = tmp_path / "owner" / "name"
    clone.mkdir(parents=True)
    (clone / "stack.yml").write_text(STACK if there else "services: {}")
    sums = tmp_path / "sums"
    sums.write_text(f"{hashlib.sha256(STACK.encode()).hexdigest()}  owner/name/stack.yml\n{'0' * 64}  a/b/c.yml\n")
    monkeypatch.setattr("parity.originals.SUMS", sums)
    monkeypatch.setattr(sys, "argv", ["originals.py", str(tmp_path), str(tmp_path / "out")])
    if there:
        main()
        said = capsys.readouterr()
        assert said.out.startswith("1 of 2; to compare: SWARMKIT_PARITY_FOLDER=")
        assert said.err == "no clone has this text: a/b/c.yml\n"
        return
    with pytest.raises(SystemExit, match="nothing to compare"):
        main()


def test_every_original_has_a_name_of_its_own() -> None:
    names = [one.name for one in originals()]
    assert len(set(names)) == len(names) == 48
