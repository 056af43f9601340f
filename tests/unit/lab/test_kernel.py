"""Which kernel the hosts get: the fast one, or Debian's plain one where that cannot be made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.lab.image import debian, kernel


def tree_with_kernel(root: Path, release: str) -> None:
    for name, content in {
        "usr/bin/linux.uml": b"ELF /lib64/ld-linux-x86-64.so.2\0 " + release.encode(),
        "usr/lib64/ld-linux-x86-64.so.2": b"loader",
        "usr/lib/x86_64-linux-gnu/libc.so.6": b"libc",
        f"usr/lib/uml/modules/{release}/kernel/esp4.ko": b"module",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    suites: list[str] = []

    def bootstrap(root: Path, recipe: debian.Recipe, say: Callable[[str], None], ended: threading.Event) -> None:
        say("extracting archives")
        suites.append(recipe.suite)
        if ended.is_set():
            raise SwarmkitError("Debian forky could not be bootstrapped", "I: main() received signal TERM")
        if recipe.suite == "forky":
            tree_with_kernel(root, "7.2.7")
            if not recipe.hook or "linux-source-$series" not in recipe.hook.read_text():
                raise AssertionError("the missing modules are not built")
            raise SwarmkitError(
                "Debian forky could not be bootstrapped",
                "I: extracting\nE: no package linux-source-7.2\nE: mmdebstrap failed",
            )
        tree_with_kernel(root, "6.12.1")

    monkeypatch.setattr(debian, "bootstrap", bootstrap)
    return suites


def test_where_the_fast_kernel_cannot_be_made_trixie_s_takes_its_place_and_why_is_said(
    asked: list[str], tmp_path: Path
) -> None:
    said: list[str] = []
    kernel.make_kernel(tmp_path, tmp_path / "kernel", tmp_path / "modules", said.append, threading.Event())
    assert asked == ["forky", "trixie"]
    assert b"6.12.1" in (tmp_path / "kernel/linux").read_bytes()
    assert [release.name for release in (tmp_path / "modules").iterdir()] == ["6.12.1"]
    (why,) = [line for line in said if line.startswith("hosts will be slower")]
    assert "(E: no package linux-source-7.2)" in why
    assert "mmdebstrap failed" in (tmp_path / "kernel/why-not-fast.txt").read_text()


def test_a_build_that_was_ended_begins_no_other_kernel(asked: list[str], tmp_path: Path) -> None:
    ended, said = threading.Event(), list[str]()
    ended.set()
    with pytest.raises(SwarmkitError, match="could not be bootstrapped"):
        kernel.make_kernel(tmp_path, tmp_path / "kernel", tmp_path / "modules", said.append, ended)
    assert asked == ["forky"]
    assert "slower" not in "".join(said)
