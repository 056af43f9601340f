import time
from collections.abc import Callable, Iterator

import pytest
import tenacity.nap

from swarmkit.reach.retry import connect_with_retry, wait_until
from swarmkit.reach.ssh import ConnectionGoneError, ConnectionLostError


class DroppedError(Exception):
    pass


class DeniedError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda _: None)


def failing(*results: Exception | str) -> tuple[Callable[[], str], list[int]]:
    answers: Iterator[Exception | str] = iter(results)
    calls: list[int] = []

    def answer() -> str:
        calls.append(1)
        result = next(answers)
        if isinstance(result, Exception):
            raise result
        return result

    return answer, calls


def test_a_dropped_connection_is_tried_again() -> None:
    connect, calls = failing(DroppedError(), DroppedError(), "connected")
    assert connect_with_retry(connect, retry_on=(DroppedError,)) == "connected"
    assert len(calls) == 3


def test_after_three_attempts_the_last_error_is_raised_as_it_is() -> None:
    connect, calls = failing(DroppedError(), DroppedError(), DroppedError("last"))
    with pytest.raises(DroppedError, match="last"):
        connect_with_retry(connect, retry_on=(DroppedError,))
    assert len(calls) == 3


def test_a_refused_login_is_never_tried_again() -> None:
    connect, calls = failing(DeniedError(), "connected")
    with pytest.raises(DeniedError):
        connect_with_retry(connect, retry_on=(DroppedError,))
    assert len(calls) == 1


def test_waiting_ends_with_the_first_value_that_is_right() -> None:
    read, calls = failing("no", "no", "yes", "no")
    assert wait_until(read, lambda value: value == "yes", timeout_seconds=5) == "yes"
    assert len(calls) == 3


def test_waiting_gives_the_last_value_when_the_time_is_over() -> None:
    started = time.monotonic()
    assert wait_until(lambda: "no", lambda _: False, timeout_seconds=0.05) == "no"
    assert time.monotonic() - started < 2


def test_waiting_passes_over_the_errors_it_was_told_of() -> None:
    read, _ = failing(DroppedError(), "yes")
    assert wait_until(read, lambda _: True, timeout_seconds=5, retry_on=(DroppedError,)) == "yes"


def test_waiting_raises_an_error_that_is_the_last_thing_seen() -> None:
    def read() -> str:
        raise DroppedError

    with pytest.raises(DroppedError):
        wait_until(read, lambda _: True, timeout_seconds=0.02, retry_on=(DroppedError,))


def test_waiting_raises_other_errors_at_once() -> None:
    read, calls = failing(DeniedError(), "yes")
    with pytest.raises(DeniedError):
        wait_until(read, lambda _: True, timeout_seconds=5, retry_on=(DroppedError,))
    assert len(calls) == 1


def test_waiting_ends_with_a_connection_that_is_gone() -> None:
    """It went on to its deadline, 90 s for a leader, over a connection that is never opened again."""
    read, calls = failing(ConnectionGoneError("A: the SSH connection is gone"), "yes")
    with pytest.raises(ConnectionGoneError):
        wait_until(read, lambda _: True, timeout_seconds=5, retry_on=(ConnectionLostError,))
    assert len(calls) == 1


def test_waiting_passes_over_a_channel_that_was_lost_while_its_connection_lives() -> None:
    read, _ = failing(ConnectionLostError("A: connection lost"), "yes")
    assert wait_until(read, lambda _: True, timeout_seconds=5, retry_on=(ConnectionLostError,)) == "yes"
