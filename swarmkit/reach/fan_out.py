"""Doing one thing on many hosts at once, and having every host's result or failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
K = TypeVar("K")

MAX_HOSTS_AT_ONCE = 10
"""Enough to hide latency, few enough for sshd's MaxStartups of a shared jump host (HAZARDS S14)."""


def fan_out(
    items: Iterable[K],
    work: Callable[[K], T],
    *,
    at_once: int = MAX_HOSTS_AT_ONCE,
    on_interrupt: Callable[[], object] = lambda: None,
) -> dict[K, T | Exception]:
    """Return ``work(item)`` for each item, in order; an exception stands as the item's value. Waits for all.

    *on_interrupt* is called when Ctrl-C or SIGTERM ends the waiting; work that is long has to end by it.
    """
    keys = list(items)
    if not keys:
        return {}
    with ThreadPoolExecutor(max_workers=min(at_once, len(keys))) as pool:
        futures = {key: pool.submit(work, key) for key in keys}
        try:
            return {key: _result(future.result) for key, future in futures.items()}
        except BaseException:
            on_interrupt()
            raise


def _result(read: Callable[[], T]) -> T | Exception:
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - the one boundary where a host's failure becomes its result
        return error
