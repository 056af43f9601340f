"""What a command costs lab hosts, beyond what they do at rest: bytes on their cards, and CPU seconds.

The CPU is counted from outside, over the processes that each host's kernel is made of: a host's own clock counts the
time it waits for the machine as well.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CARD = "vec0"
Run = Callable[..., subprocess.CompletedProcess[str]]
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What one host did for a command that took *seconds*."""

    seconds: float
    moved_bytes: int
    cpu_seconds: float


@dataclass(frozen=True)
class _Counters:
    moved_bytes: int
    cpu_seconds: float

    def since(self, before: _Counters) -> _Counters:
        return _Counters(self.moved_bytes - before.moved_bytes, self.cpu_seconds - before.cpu_seconds)


def loads(command: Callable[[], object], run: Run, hosts: Sequence[str], state: Path) -> list[Load]:
    """Return what each of *hosts* did for *command*, its SSH connection included; *run* runs swarmkit."""
    began = time.monotonic()
    command()
    seconds = time.monotonic() - began
    busy = _during(command, run, hosts, state)
    rest = _during(lambda: time.sleep(seconds), run, hosts, state)
    spent = [mine.since(idle) for mine, idle in zip(busy, rest, strict=True)]
    return [Load(seconds, one.moved_bytes, one.cpu_seconds) for one in spent]


def _during(action: Callable[[], object], run: Run, hosts: Sequence[str], state: Path) -> list[_Counters]:
    bytes_before = [_bytes(run, host) for host in hosts]
    cpu_before = _cpu_seconds(hosts, state)
    action()
    cpu = _cpu_seconds(hosts, state)
    moved = [_bytes(run, host) - before for host, before in zip(hosts, bytes_before, strict=True)]
    return [_Counters(moved[place], cpu[host] - cpu_before[host]) for place, host in enumerate(hosts)]


def _bytes(run: Run, host: str) -> int:
    said = run("lab", "ssh", host, "--", f"grep {CARD}: /proc/net/dev").stdout
    card = [int(number) for number in said.partition(":")[2].split()]
    return card[0] + card[8]


def _cpu_seconds(hosts: Sequence[str], state: Path) -> dict[str, float]:
    """Return what the processes of each host's kernel have used so far, those that have ended included."""
    parents, used, commands = {}, {}, {}
    for process in _processes():
        parents[process.pid], used[process.pid] = process.parent, process.ticks
        commands[process.pid] = process.command
    seconds = {}
    for host in hosts:
        words = {f"lab_name={host}", f"hostfs={state}"}
        kernels = {pid for pid, command in commands.items() if all(word in command for word in words)}
        if not kernels:
            raise SystemExit(f"no kernel of {host} runs")
        seconds[host] = sum(ticks for pid, ticks in used.items() if _is_below(pid, kernels, parents)) / _TICKS
    return seconds


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    ticks: int
    command: str


def _processes() -> Iterator[_Process]:
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        # proc(5): ppid is field 4; utime, stime, cutime and cstime are fields 14 to 17.
        yield _Process(int(folder.name), int(fields[1]), sum(int(ticks) for ticks in fields[11:15]), command)


def _is_below(pid: int, tops: set[int], parents: Mapping[int, int]) -> bool:
    while pid in parents:
        if pid in tops:
            return True
        pid = parents[pid]
    return False
