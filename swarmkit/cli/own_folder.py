"""A temporary folder of this run; what runs that were killed have left of theirs goes with the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Kind = Literal["images", "inventory", "rehearsal"]
_PREFIX = "swarmkit-own-"
_NEW_SECONDS = 60.0
"""As old is one that its run has locked for sure."""


@contextmanager
def own_folder(kind: Kind) -> Iterator[Path]:
    """Yield a folder that nobody else may read, and that is gone afterwards.

    A run that is killed leaves it, with what a backup holds: images, an inventory. Its lock on it ends with it.
    """
    _remove_what_was_left()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{kind}-") as folder:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(descriptor)


def _remove_what_was_left() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # Gone meanwhile, or another user's.
        try:
            if _is_left(descriptor):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)


def _is_left(descriptor: int) -> bool:
    status = os.fstat(descriptor)
    if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _NEW_SECONDS:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
