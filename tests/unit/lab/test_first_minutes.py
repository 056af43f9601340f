"""What an operator is told by a machine that make demo does not suit, and what its first packages are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from swarmkit.lab import Places, machine
from swarmkit.lab.hosts import LabHost
from swarmkit.lab.image import debian

TREE = Path(__file__).resolve().parents[3]


def commands(folder: Path, **scripts: str) -> Path:
    """Make *folder* one of commands that are found before the machine's."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/bash\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def run(script: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TREE / script, "demo"], capture_output=True, text=True, check=False, env={"PATH": path})


def test_a_machine_without_linux_is_told_how_to_use_hosts_of_ones_own(tmp_path: Path) -> None:
    mac = commands(tmp_path / "mac", uname="[[ $1 == -m ]] && echo arm64 || echo Darwin")
    result = run("examples/demo", f"{mac}:/usr/bin:/bin")
    assert result.returncode == 1
    assert "this is Darwin on arm64" in result.stderr
    for command in ("pip install .", "swarmkit trust -i hosts.yaml", "swarmkit up -i hosts.yaml"):
        assert command in result.stderr


def test_python_is_installed_first_for_it_names_the_others(tmp_path: Path) -> None:
    bare = commands(
        tmp_path / "bare",
        **{
            "apt-get": f"echo apt-get $* >>{tmp_path}/log; [[ $* == *python3* ]] && ln -sf {sys.executable} "
            f"{tmp_path}/bare/python3; true",
            "dpkg-query": "exit 1",
            "sudo": '"$@"',
            "tee": "cat >/dev/null",
            "chmod": "true",
        },
    )
    for tool in ("bash", "dirname", "mktemp", "rm", "tail", "env", "sort", "cat", "ln", "cp"):
        if not (bare / tool).exists():
            (bare / tool).symlink_to(str(shutil.which(tool)))
    result = run(".ci/install-packages", str(bare))
    assert result.returncode == 0, result.stderr
    installed = [line for line in (tmp_path / "log").read_text().splitlines() if " install " in line]
    assert installed[0].endswith("--no-install-recommends python3")
    assert {"mmdebstrap", "e2fsprogs", "openssh-client"} <= set(installed[1].split())


@pytest.mark.parametrize(
    ("total", "free", "others", "is_kept"),
    [
        (1 << 30, 1 << 30, 0, True),
        (64 << 20, 64 << 20, 0, False),
        (4 << 30, 1 << 29, 0, False),
        # The others were launched in the same moment, and have touched nothing yet.
        (2 << 30, 2 << 30, 2048, False),
        (4 << 30, 2 << 30, 3072, True),
    ],
)
def test_a_hosts_memory_is_kept_in_shared_memory_where_there_is_room(
    total: int, free: int, others: int, is_kept: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(machine, "_SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=total, free=free))
    host = LabHost("A", 1, "26.1", memory_megabytes=1024)
    files = Places(tmp_path / "state", tmp_path).host("A")
    boot = machine.Boot(host, files, base=tmp_path, kernel=tmp_path, others_megabytes=others)
    # Without TMPDIR a kernel takes /dev/shm by itself.
    assert machine._environment(boot)["TMPDIR"] == str(tmp_path if is_kept else files.folder)


def test_debians_keys_are_named_where_apt_is_not_debians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    keys = tmp_path / "keys.gpg"
    keys.touch()
    monkeypatch.setattr(debian, "_KEYS", keys)
    monkeypatch.setattr(debian, "machine_mirror", list)
    recipe = debian.Recipe("trixie", (), other_suites=("forky",))
    assert debian._sources(recipe)[1].startswith(f"deb [signed-by={keys}] http")
