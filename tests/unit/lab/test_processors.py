"""Each lab host on one processor, and on another when it waits while that one is idle."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmkit.lab.processors import Processors, Reading, better_place, pin

HOST, OTHER = 100, 200
BEFORE = Reading({HOST: 5.0, OTHER: 7.0}, {0: 50.0, 1: 60.0})


def after(host_waited: float, idle: float) -> Reading:
    return Reading({HOST: 5.0 + host_waited, OTHER: 7.0}, {0: 50.0, 1: 60.0 + idle})


def test_a_host_that_waits_moves_to_the_processor_that_is_idle() -> None:
    assert better_place({HOST: 0, OTHER: 0}, BEFORE, after(0.1, 0.2), 0.2) == {HOST: 1}


@pytest.mark.parametrize(
    ("host_waited", "idle", "place"),
    [(0.0, 0.2, 0), (0.1, 0.01, 0), (0.1, 0.2, 1)],
    ids=["it does not wait", "no processor is idle", "it is there"],
)
def test_a_host_stays_where_it_is(host_waited: float, idle: float, place: int) -> None:
    assert better_place({HOST: place, OTHER: 0}, BEFORE, after(host_waited, idle), 0.2) == {}


def test_a_host_that_came_a_moment_ago_has_not_waited_since_the_machine_started() -> None:
    assert better_place({HOST: 0}, Reading({}, BEFORE.idle), after(0.1, 0.2), 0.2) == {}


# A kernel with a thread and a program of its own, all of which do nothing but run.
BUSY = """
import os, threading
def run():
    while True: pass
if os.fork() == 0: run()
threading.Thread(target=run).start()
print("runs", flush=True)
run()
"""


@pytest.fixture
def busy_kernel() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout
        assert process.stdout.readline() == b"runs\n"
        yield process.pid
        os.killpg(process.pid, 9)


def places_of(kernel: int) -> set[frozenset[int]]:
    tasks = list(Path(f"/proc/{kernel}/task").iterdir())
    children = [child for task in tasks for child in (task / "children").read_text().split()]
    assert len(tasks) == 2
    assert len(children) == 1
    return {frozenset(os.sched_getaffinity(int(task))) for task in (*(task.name for task in tasks), *children)}


def test_a_kernel_is_kept_on_a_processor_with_its_threads_and_programs(busy_kernel: int) -> None:
    processor = max(os.sched_getaffinity(0))
    pin(busy_kernel, processor)
    assert places_of(busy_kernel) == {frozenset({processor})}


def test_a_kernel_that_is_gone_is_nothing_to_keep() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    own = os.sched_getaffinity(0)
    pin(process.pid, min(own))
    assert os.sched_getaffinity(0) == own


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor leaves no choice")
def test_running_kernels_get_one_processor_each_and_are_forgotten_when_they_end(busy_kernel: int) -> None:
    async def keep() -> None:
        processors, running = Processors(), [busy_kernel]
        keeping = asyncio.create_task(processors.keep(lambda: running))
        deadline = time.monotonic() + 20
        while not processors.places:
            assert time.monotonic() < deadline, "no place within 20 s"
            await asyncio.sleep(0.05)
        assert places_of(busy_kernel) == {frozenset({processors.places[busy_kernel]})}
        running.clear()
        while processors.places:
            assert time.monotonic() < deadline, "not forgotten within 20 s"
            await asyncio.sleep(0.05)
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping

    asyncio.run(keep())
