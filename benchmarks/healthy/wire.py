"""What a command moves on lab hosts' cards, beyond what they move at rest."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

CARD = "vec0"
Run = Callable[..., subprocess.CompletedProcess[str]]


def bytes_moved(command: Callable[[], object], run: Run, hosts: Sequence[str]) -> list[int]:
    """Return how many bytes each of *hosts* received and sent for *command*, by SSH too; *run* runs swarmkit."""
    began = time.monotonic()
    busy = _during(command, run, hosts)
    seconds = time.monotonic() - began
    rest = _during(lambda: time.sleep(seconds), run, hosts)
    return [moved - idle for moved, idle in zip(busy, rest, strict=True)]


def _during(action: Callable[[], object], run: Run, hosts: Sequence[str]) -> list[int]:
    before = [_bytes(run, host) for host in hosts]
    action()
    return [_bytes(run, host) - first for host, first in zip(hosts, before, strict=True)]


def _bytes(run: Run, host: str) -> int:
    said = run("lab", "ssh", host, "--", f"grep {CARD}: /proc/net/dev").stdout
    card = [int(number) for number in said.partition(":")[2].split()]
    return card[0] + card[8]
