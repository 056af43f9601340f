"""Temporary folders of runs: private, gone at the end, and what a killed run has left goes with the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from swarmkit.cli.own_folder import own_folder

_RUN = """
import sys, time
from swarmkit.cli.own_folder import own_folder
with own_folder("images") as folder:
    (folder / "image").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def a_run(temporary: Path) -> tuple[subprocess.Popen[str], Path]:
    """Return a run that has a folder, and its folder, as old as if it had begun long ago."""
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN], env={**os.environ, "TMPDIR": str(temporary)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    folder = Path(process.stdout.readline().strip())
    long_ago = time.time() - 3600
    os.utime(folder, (long_ago, long_ago))
    return process, folder


def test_a_folder_is_its_runs_alone_and_gone_afterwards(temporary: Path) -> None:
    with own_folder("images") as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_has_left_goes_and_a_living_ones_stays(temporary: Path) -> None:
    (temporary / "swarmkit-others").mkdir()
    process, folder = a_run(temporary)
    try:
        with own_folder("inventory"):
            assert (folder / "image").exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (folder / "image").exists()
        with own_folder("inventory"):
            assert not folder.exists()
    finally:
        process.kill()
        process.communicate()
    assert [path.name for path in temporary.iterdir()] == ["swarmkit-others"]


def test_a_folder_that_a_run_is_making_just_now_stays(temporary: Path) -> None:
    (temporary / "swarmkit-own-images-new").mkdir()
    with own_folder("images"):
        assert (temporary / "swarmkit-own-images-new").exists()
