"""Reading a large stack file in a process of its own, while this one does something else."""

from __future__ import annotations

import io
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from swarmkit.declared.stack.reading import load_stack
from swarmkit.declared.stack.service import Stack
from swarmkit.secret import Secret

_LARGE_BYTES = 32_000
"""Some 80 ms of reading. Below it a process costs more than it gains."""


def begin_stack(paths: Sequence[Path], *, name: str | None) -> Callable[[], Stack]:
    """Begin to read the stack of *paths*; what is returned waits for it, and raises what load_stack raises.

    Reading 200 services takes as long as importing SSH and the planner: on two cores one is done beside the other. A
    child that does not deliver is no failure: then the files are read here, and what is wrong with them is told from
    here.
    """
    child = None
    if _is_worth_it(paths):
        with suppress(OSError):  # no process left, or no pipe
            child = _Child(paths, name)

    def finish() -> Stack:
        read = child.stack() if child else None
        return read or load_stack(*paths, name=name)

    return finish


def _is_worth_it(paths: Sequence[Path]) -> bool:
    """Tell whether they are large files, which can be read twice, and no other thread can hold a lock in the child."""
    try:
        if threading.active_count() > 1 or not all(path.is_file() for path in paths):
            return False
        return sum(path.stat().st_size for path in paths) > _LARGE_BYTES
    except OSError:  # told of where it is read
        return False


class _Child:
    """A copy of this process that reads a stack and sends it through a pipe; nothing of it is seen elsewhere."""

    def __init__(self, paths: Sequence[Path], name: str | None) -> None:
        self._source, sink = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._source)
            os.close(sink)
            raise
        if self._pid == 0:
            # Else it would wait for ever for a parent that is gone to read.
            os.close(self._source)
            _read_and_exit(paths, name, sink)
        os.close(sink)

    def stack(self) -> Stack | None:
        """Return what it read, or None if it could not; it is gone then."""
        with os.fdopen(self._source, "rb") as source:
            pickled = source.read()
        try:
            _, status = os.waitpid(self._pid, 0)
        except ChildProcessError:  # where SIGCHLD is ignored nobody keeps how it ended
            status = 0 if pickled else 1
        if status:
            return None
        try:
            read = pickle.loads(pickled)  # noqa: S301  (what our own child sent)
        except (EOFError, pickle.UnpicklingError):
            return None
        return read if isinstance(read, Stack) else None


def _read_and_exit(paths: Sequence[Path], name: str | None, sink: int) -> None:
    """End the child: 0 when the stack went through whole; what went wrong the parent finds again and tells."""
    status = 1
    try:
        pickled = io.BytesIO()
        _Pickler(pickled, pickle.HIGHEST_PROTOCOL).dump(load_stack(*paths, name=name))
        with os.fdopen(sink, "wb") as pipe:
            pipe.write(pickled.getbuffer())
        status = 0
    finally:
        os._exit(status)


class _Pickler(pickle.Pickler):
    """Pickles secrets too, which elsewhere are refused: from this process's memory to its parent's, and no further."""

    def reducer_override(self, pickled: object) -> Any:
        return (Secret, (pickled.reveal(),)) if type(pickled) is Secret else NotImplemented
