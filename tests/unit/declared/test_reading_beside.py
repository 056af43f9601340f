"""A large stack file, read in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swarmkit.declared.stack import reading_beside
from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.reading_beside import begin_stack
from swarmkit.errors import InputError

SERVICE = """
  s{0}:
    image: registry.example/team/app{0}:1.0
    environment: {{A: "{0}", PASSWORD: hunter{0}}}
    ports: ["{1}:80"]
    secrets: [{{source: token, target: password, mode: 0400}}]
    healthcheck: {{test: [CMD, curl, -f, "http://localhost"], interval: 10s, timeout: 3s, retries: 5}}
    deploy: {{replicas: 2, resources: {{limits: {{cpus: "0.5", memory: 128M}}}}}}
"""


@pytest.fixture
def large(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("hunter2")
    path = tmp_path / "big.yaml"
    services = "".join(SERVICE.format(number, 10000 + number) for number in range(120))
    path.write_text(f"services:{services}\nsecrets: {{token: {{file: ./token}}}}\n")
    return path


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, ...]]:
    """What this process read itself."""
    seen: list[tuple[Path, ...]] = []
    parent = os.getpid()

    def noted(*paths: Path, name: str | None = None) -> object:
        if os.getpid() == parent:
            seen.append(paths)
        return load_stack(*paths, name=name)

    monkeypatch.setattr(reading_beside, "load_stack", noted)
    monkeypatch.setattr(reading_beside.threading, "active_count", lambda: 1)
    return seen


def test_a_large_stack_is_the_same_and_was_not_read_here(large: Path, read_here: list[tuple[Path, ...]]) -> None:
    read = begin_stack([large], name="shop")()
    assert read_here == []
    assert read == load_stack(large, name="shop")
    content = read.secrets[0].content
    assert content is not None
    assert content.text() == "hunter2"


def test_a_small_file_is_read_here(tmp_path: Path, read_here: list[tuple[Path, ...]]) -> None:
    path = tmp_path / "small.yaml"
    path.write_text("services: {web: {image: nginx}}\n")
    assert begin_stack([path], name=None)().name == "small"
    assert read_here == [(path,)]


def test_what_is_wrong_with_a_large_file_is_told_as_ever(large: Path, read_here: list[tuple[Path, ...]]) -> None:
    large.write_text(large.read_text().replace("interval: 10s", "interval: soon"))
    with pytest.raises(InputError) as told:
        begin_stack([large], name=None)()
    assert len(told.value.complaints) == 120
    assert read_here == [(large,)]


def test_a_child_that_dies_is_no_failure(
    large: Path, read_here: list[tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_beside, "_read_and_exit", lambda *_: os._exit(9))
    assert begin_stack([large], name="shop")() == load_stack(large, name="shop")
    assert read_here == [(large,)]


def test_where_no_process_is_left_it_is_read_here(
    large: Path, read_here: list[tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise BlockingIOError

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "fork", fail)
    begin_stack([large], name=None)()
    assert read_here == [(large,)]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.usefixtures("read_here")
def test_a_path_that_cannot_be_looked_at_is_a_complaint(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        begin_stack([tmp_path / ("x" * 300)], name=None)()


def test_a_child_whose_parent_is_gone_does_not_wait_for_it(large: Path) -> None:
    """It held an end of the pipe itself, and wrote to it what nobody would take out; its output stayed open."""
    begin = "from swarmkit.declared.stack.reading_beside import begin_stack; import os, pathlib, sys"
    command = f"{begin}; begin_stack([pathlib.Path(sys.argv[1])], name='shop'); os._exit(3)"
    ended = subprocess.run([sys.executable, "-c", command, large], capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (3, b"")


def test_a_process_of_several_threads_is_not_copied(
    large: Path, read_here: list[tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_beside.threading, "active_count", lambda: 2)
    begin_stack([large], name=None)()
    assert read_here == [(large,)]
