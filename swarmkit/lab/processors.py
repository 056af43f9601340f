"""Which of the machine's processors a host runs on: one at a time, and another one when it waits while that is idle.

A User-Mode Linux kernel and the program it runs hand over to each other at every system call and page fault, and never
run at once. On one processor that is a switch; from one to another it wakes a sleeping processor, which on a virtual
machine is the hypervisor's work. Left to the machine's scheduler, a container took half as long again to start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

_PERIOD_SECONDS = 0.2
_WAITED_SHARE, _IDLE_SHARE = 0.1, 0.3
"""A host moves when it waited for this share of the period, to a processor that was idle for that."""


@dataclass(frozen=True)
class Reading:
    """What the machine has counted so far: seconds that kernels waited to run, seconds that processors were idle."""

    waited: dict[int, float]
    idle: dict[int, float]


class Processors:
    """The places of the hosts' kernels, by process."""

    def __init__(self) -> None:
        self.places: dict[int, int] = {}
        self._usable = os.sched_getaffinity(0)

    async def keep(self, kernels: Callable[[], Collection[int]]) -> None:
        """Keep each of *kernels* on a processor of its own choice, for ever; their programs run where they run."""
        if len(self._usable) < 2 or not self._usable <= _idle_seconds(self._usable).keys():
            return
        before = self._read(kernels())
        while True:
            await asyncio.sleep(_PERIOD_SECONDS)
            now = self._read(kernels())
            self._forget_all_but(now.waited)
            moves = self._first_places(now) or better_place(self.places, before, now, _PERIOD_SECONDS)
            for kernel, processor in moves.items():
                self.places[kernel] = processor
                pin(kernel, processor)
            before = now

    def _read(self, kernels: Collection[int]) -> Reading:
        return Reading(_waited_seconds(kernels), _idle_seconds(self._usable))

    def _forget_all_but(self, running: Collection[int]) -> None:
        self.places = {kernel: place for kernel, place in self.places.items() if kernel in running}

    def _first_places(self, now: Reading) -> dict[int, int]:
        taken, moves = Counter(self.places.values()), {}
        for kernel in now.waited.keys() - self.places.keys():
            moves[kernel] = min(self._usable, key=lambda processor: (taken[processor], processor))
            taken[moves[kernel]] += 1
        return moves


def better_place(places: dict[int, int], before: Reading, now: Reading, seconds: float) -> dict[int, int]:
    """Return the kernel that waited longest in these *seconds*, and the processor idle meanwhile; or nothing."""
    waited = {kernel: now.waited[kernel] - before.waited.get(kernel, now.waited[kernel]) for kernel in places}
    idle = {processor: now.idle[processor] - before.idle[processor] for processor in now.idle}
    kernel = max(waited, key=lambda each: waited[each], default=None)
    processor = max(idle, key=lambda each: idle[each])
    if kernel is None or places[kernel] == processor:
        return {}
    enough = waited[kernel] > _WAITED_SHARE * seconds and idle[processor] > _IDLE_SHARE * seconds
    return {kernel: processor} if enough else {}


def _waited_seconds(kernels: Collection[int]) -> dict[int, float]:
    """Return how long each was ready to run and did not; without those that ended, and where nobody counts it."""
    waited = {}
    for kernel in kernels:
        with contextlib.suppress(OSError):
            waited[kernel] = int(Path(f"/proc/{kernel}/schedstat").read_text().split()[1]) / 1e9
    return waited


def pin(kernel: int, processor: int) -> None:
    """Keep *kernel*, its threads and the programs that it runs on *processor*; what they start stays there too."""
    for task in _tasks(kernel):
        _pin_task(task, processor)
    for task in _tasks(kernel):
        for program in _words(f"/proc/{kernel}/task/{task}/children"):
            _pin_task(program, processor)


def _pin_task(task: int, processor: int) -> None:
    with contextlib.suppress(OSError):  # it ended meanwhile
        os.sched_setaffinity(task, {processor})


def _tasks(process: int) -> list[int]:
    try:
        return [int(task.name) for task in Path(f"/proc/{process}/task").iterdir()]
    except OSError:
        return []


def _words(path: str) -> list[int]:
    try:
        return [int(word) for word in Path(path).read_text().split()]
    except OSError:
        return []


def _idle_seconds(processors: Collection[int]) -> dict[int, float]:
    """Return how long each was idle, or waited for a disk: proc_stat(5)."""
    ticks, idle = os.sysconf("SC_CLK_TCK"), {}
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu" and int(name[3:]) in processors:
            idle[int(name[3:])] = (int(numbers[3]) + int(numbers[4])) / ticks
    return idle
