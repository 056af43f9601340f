"""What a host's kernel says on its console, where a panic is told that nothing else tells of."""

from __future__ import annotations

import asyncio
from pathlib import Path

PANIC = "Kernel panic - not syncing"
_PERIOD_SECONDS = 2.0
_TAIL_BYTES = 64 * 1024


async def panic_on(console: Path) -> str:
    """Return the line by which a kernel tells on *console* that it has panicked, once it does."""
    seen = 0
    while True:
        size = console.stat().st_size
        if size != seen and (line := _panic_in(console)):
            return line
        seen = size
        await asyncio.sleep(_PERIOD_SECONDS)


def _panic_in(console: Path) -> str:
    with console.open("rb") as file:
        file.seek(max(0, console.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if PANIC in line), "")
