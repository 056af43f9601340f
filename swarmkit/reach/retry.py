"""The two things that are retried: connecting, and read-only waiting for a state. Never a write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity

from swarmkit.errors import SwarmkitError

T = TypeVar("T")


def connect_with_retry(connect: Callable[[], T], *, retry_on: tuple[type[Exception], ...], attempts: int = 3) -> T:
    """Return ``connect()``, tried *attempts* times with jitter on the errors in *retry_on*.

    Many hosts at once make an sshd drop connections at random (MaxStartups, HAZARDS S14). An authentication failure or
    an untrusted host key must not be in *retry_on*: those do not get better, and fail2ban counts them.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(retry_on),
        stop=tenacity.stop_after_attempt(attempts),
        wait=tenacity.wait_random_exponential(multiplier=0.3, max=3),
        reraise=True,
    )
    return retrying(connect)


def wait_until(
    read: Callable[[], T],
    done: Callable[[T], bool],
    *,
    timeout_seconds: float,
    interval_seconds: float = 0.25,
    retry_on: tuple[type[Exception], ...] = (),
) -> T:
    """Return the first ``read()`` that is *done*, or the last one when *timeout_seconds* are over.

    *read* must not write. Errors in *retry_on* count as not done, unless they cannot pass or are the last thing seen:
    then they are raised. The caller looks at the value and says what it waited for.
    """

    def is_passing(error: BaseException) -> bool:
        return isinstance(error, retry_on) and not (isinstance(error, SwarmkitError) and not error.may_pass)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_result(lambda value: not done(value)) | tenacity.retry_if_exception(is_passing),
        stop=tenacity.stop_after_delay(timeout_seconds),
        wait=tenacity.wait_fixed(interval_seconds),
        retry_error_callback=_last_outcome,
    )
    return retrying(read)


def _last_outcome(state: tenacity.RetryCallState) -> object:
    assert state.outcome is not None  # noqa: S101 - tenacity calls this after an attempt only
    return state.outcome.result()
