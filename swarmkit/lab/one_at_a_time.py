"""What two commands never do at once, such as building an image: the second waits, and says so."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(lock: Path, tell: Callable[[str], None], what: str) -> Iterator[None]:
    """Hold the file *lock*; where another process does, *tell* that it does *what*, and wait for its end."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another swarmkit {what}: waiting until it has ended ({lock})")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
