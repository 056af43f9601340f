import contextlib
import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console, ConsoleDimensions

from swarmkit.report.live import LiveProgress, progress_for
from swarmkit.report.phases import render_phases
from swarmkit.report.plain import PlainProgress
from swarmkit.report.progress_record import Running
from swarmkit.report.running_rows import running_rows


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell_a_run(progress: LiveProgress | PlainProgress, clock: Clock) -> None:
    progress.phase("connect")
    clock.now += 0.4
    progress.phase("apply")
    progress.started("swarm", "A", "initialise the swarm")
    clock.now += 1.2
    progress.ended("swarm", ok=True, note="initialised the swarm")
    progress.started("join:B", "B", "join as worker")
    clock.now += 70
    progress.ended("join:B", ok=False, note="the token was refused")
    progress.rest()


def test_log_has_a_line_for_each_start_and_each_end() -> None:
    stream, clock = io.StringIO(), Clock()
    tell_a_run(PlainProgress(stream, clock), clock)
    assert stream.getvalue().splitlines() == [
        "connect ...",
        "connect: 0.4 s",
        "apply ...",
        "A: initialise the swarm ...",
        "A: initialised the swarm, 1.2 s",
        "B: join as worker ...",
        "B: join as worker failed: the token was refused, 1 m 10 s",
        "apply: 1 m 11 s",
    ]


def test_terminal_keeps_phases_and_what_has_ended() -> None:
    stream, clock = Terminal(), Clock()
    tell_a_run(LiveProgress(Console(file=stream, width=80, force_terminal=False), clock), clock)
    assert [line for line in stream.getvalue().splitlines() if line] == [
        "connect  0.4 s",
        "apply",
        "  ✔ A: initialised the swarm  1.2 s",
        "  ✘ B: join as worker failed: the token was refused  1 m 10 s",
        "  1 m 11 s in all",
    ]


@pytest.mark.parametrize(
    "make", [lambda c: LiveProgress(Console(file=Terminal()), c), lambda c: PlainProgress(io.StringIO(), c)]
)
def test_phases_are_timed_and_what_comes_between_them_is_not(
    make: Callable[[Clock], LiveProgress | PlainProgress],
) -> None:
    clock = Clock()
    with make(clock) as progress:
        progress.phase("plan")
        clock.now += 1
        progress.rest()
        clock.now += 30  # a question is being answered
        progress.phase("apply")
        clock.now += 2
    assert progress.phases == [("plan", 1.0), ("apply", 2.0)]


def test_what_goes_wrong_meanwhile_is_a_line_at_once_and_the_waiting_goes_on() -> None:
    log, terminal, clock = io.StringIO(), Terminal(), Clock()
    console = Console(file=terminal, width=80, force_terminal=False)
    for progress in (PlainProgress(log, clock), LiveProgress(console, clock)):
        progress.phase("converge")
        progress.started("x", "shop_x", "waiting")
        progress.warned("x", "its task on A ended:\nexit 1")
        progress.ended("x", ok=True, note="1/1 running")
        progress.rest()
    assert log.getvalue().splitlines()[1:4] == [
        "shop_x: waiting ...",
        "shop_x: waiting: its task on A ended: exit 1",
        "shop_x: 1/1 running, 0.0 s",
    ]
    shown = [line.strip() for line in terminal.getvalue().splitlines() if "shop_x" in line]
    assert "! shop_x: its task on A ended: exit 1" in shown[0]
    assert "✔ shop_x: 1/1 running" in shown[-1]


def test_log_says_how_far_a_long_transfer_is() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)
    progress.started("image:B", "B", "send shop/backend")
    for second in range(1, 13):
        clock.now += 1
        progress.advanced("image:B", "", second * 1_000_000, 38_000_000)
    assert stream.getvalue().splitlines() == [
        "B: send shop/backend ...",
        "B: send shop/backend: 10.0 MB of 38.0 MB, 10 s",
    ]


def test_unknown_keys_are_passed_over() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.advanced("x", "half")
    progress.ended("x", ok=True)
    assert stream.getvalue() == ""


def row(running: Running, now: float, width: int = 80) -> str:
    return next(iter(running_rows([running], now, ConsoleDimensions(width, 24)))).plain


def test_running_row_shows_a_transfer_with_bar_amount_and_speed() -> None:
    one = Running("B", "send shop/backend", 0.0, done=20_000_000, total=40_000_000)
    assert row(one, 2.0).endswith("B: send shop/backend  ━━━━────  20.0 MB of 40.0 MB  10.0 MB/s  2.0 s")


def test_running_rows_stay_within_the_terminal() -> None:
    rows = list(running_rows([Running("B", "word " * 60, 0.0)] * 50, 1.0, ConsoleDimensions(80, 24)))
    assert len(rows) <= 21
    assert max(line.cell_len for line in rows) <= 80
    assert rows[-1].plain.strip() == "and 30 more"


def test_display_is_chosen_by_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(progress_for(io.StringIO()), PlainProgress)
    assert isinstance(progress_for(Terminal()), LiveProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_for(Terminal()), PlainProgress)


@pytest.mark.parametrize(
    "make", [lambda: LiveProgress(Console(file=Terminal(), force_terminal=True)), lambda: PlainProgress(io.StringIO())]
)
def test_many_threads_may_tell_at_once(make: Callable[[], LiveProgress | PlainProgress]) -> None:
    def tell(name: str) -> None:
        for number in range(30):
            progress.started(f"{name}{number}", name, "work")
            progress.advanced(f"{name}{number}", "", number, 30)
            progress.ended(f"{name}{number}", ok=True)

    with make() as progress:
        progress.phase("apply")
        threads = [threading.Thread(target=tell, args=(name,), daemon=True) for name in "ABCDEFGH"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_phase_table_adds_up_rounds() -> None:
    stream = io.StringIO()
    Console(file=stream).print(render_phases([("observe", 0.4), ("apply", 61.0), ("observe", 0.2)]))
    assert stream.getvalue().splitlines() == ["  observe     0.6 s", "  apply    1 m 01 s", "  all      1 m 02 s"]


def test_a_log_that_takes_nothing_any_more_ends_no_run() -> None:
    """`up 2>log` on a full disk would have ended between two of its writes."""
    # What could not be written is tried once more when the file is closed.
    with contextlib.suppress(OSError), Path("/dev/full").open("w") as full:
        progress = PlainProgress(full)
        for phase in ("apply", "converge"):
            progress.phase(phase)
            progress.started("a", "a", "create service")
            progress.ended("a", ok=True)
        progress.rest()
    assert [name for name, _ in progress.phases] == ["apply", "converge"]
