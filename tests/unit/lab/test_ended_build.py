"""A build of the lab's disk that is ended: what it has begun ends with it, and nothing else is begun."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from swarmkit.errors import SwarmkitError
from swarmkit.lab.image import debian

RECIPE = debian.Recipe("trixie", ())


def interrupt(_: str) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_ends_the_program_that_makes_the_tree_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    script = f"trap 'kill $!; sleep 0.3; touch {gone}; exit 1' TERM; echo 'I: extracting archives...'; sleep 60 & wait"
    monkeypatch.setattr(debian, "_command", lambda *_: ["bash", "-c", script])
    ended, began = threading.Event(), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        debian.bootstrap(tmp_path / "root", RECIPE, interrupt, ended)
    assert gone.exists()
    assert ended.is_set()
    assert time.monotonic() - began < 30


def test_after_an_interrupt_no_tree_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = tmp_path / "begun"
    monkeypatch.setattr(debian, "_command", lambda *_: ["touch", str(begun)])
    ended = threading.Event()
    ended.set()
    with pytest.raises(KeyboardInterrupt):
        debian.bootstrap(tmp_path / "root", RECIPE, interrupt, ended)
    assert not begun.exists()


def test_a_mirror_that_stands_still_ends_the_build_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As mmdebstrap, which waits for what it has begun to end.
    script = "trap 'echo waiting' TERM; echo 'I: running apt-get update...'; sleep 60; exit 1"
    monkeypatch.setattr(debian, "_command", lambda *_: ["bash", "-c", script])
    monkeypatch.setattr(debian, "DEADLINE_SECONDS", 0.3)
    with pytest.raises(SwarmkitError, match="could not be bootstrapped") as told:
        debian.bootstrap(tmp_path / "root", RECIPE, lambda _: None, threading.Event())
    assert "no end after 0 s; its last words: " in told.value.why
    assert told.value.to_do == "does the Debian mirror stand still?"
