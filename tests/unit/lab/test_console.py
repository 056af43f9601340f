"""A panic is told on a host's console alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from swarmkit.lab import console
from swarmkit.lab.console import panic_on

TOLD = "Kernel panic - not syncing: Segfault without recovery target: kernel tried to access user memory"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "_PERIOD_SECONDS", 0.01)


async def after_a_while(path: Path, text: str) -> str:
    waiting = asyncio.create_task(panic_on(path))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    with path.open("a") as file:
        file.write(text)
    return await asyncio.wait_for(waiting, 10)


def test_a_panic_is_seen_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text("Core dump limits: unlimited\n")
    assert asyncio.run(after_a_while(path, f"\n{TOLD}\nCPU: 0 PID: 9 Comm: dockerd\n")) == TOLD


def test_a_panic_is_found_behind_much_that_was_written_before(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text("audit: a line\n" * 20_000)
    assert asyncio.run(after_a_while(path, TOLD)) == TOLD


def test_a_kernel_that_says_other_things_has_not_panicked(tmp_path: Path) -> None:
    path = tmp_path / "console.log"
    path.write_text("a kernel without panic\n")

    async def for_a_while() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(panic_on(path), 0.1)

    asyncio.run(for_a_while())
