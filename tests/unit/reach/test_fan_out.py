import threading

import pytest

from swarmkit.reach.fan_out import fan_out


def test_results_keep_the_order_of_the_items() -> None:
    assert list(fan_out("cab", str.upper).items()) == [("c", "C"), ("a", "A"), ("b", "B")]


def test_an_error_stands_as_its_items_result_and_the_others_go_on() -> None:
    results = fan_out([1, 0, 2], lambda number: 2 // number)
    assert (results[1], results[2]) == (2, 1)
    assert isinstance(results[0], ZeroDivisionError)


def test_items_are_worked_on_side_by_side() -> None:
    meeting = threading.Barrier(5, timeout=5)
    assert fan_out(range(5), lambda _: meeting.wait() >= 0) == dict.fromkeys(range(5), True)


def test_no_more_than_the_limit_run_at_once() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.005)
        with lock:
            running -= 1

    fan_out(range(12), work, at_once=3)
    assert most <= 3


def test_nothing_to_do_starts_nothing() -> None:
    assert fan_out([], pytest.fail) == {}
