"""Writing a run's journal, line by line as things happen, so that a killed run leaves what it did."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import pwd
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from swarmkit.errors import SwarmkitError
from swarmkit.journal.record import SCHEMA, SUFFIX
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.progress import Progress
from swarmkit.secret import mask


class Journal:
    """The journal of one run; there is no file until the run begins to write to hosts. Safe between threads."""

    def __init__(self, folder: Path, command: str, cluster: str, inventory: Path) -> None:
        self._folder, self._command, self._cluster, self._inventory = folder, command, cluster, inventory
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self.run = ""
        """Its name; empty until it begins."""
        self._since = time.monotonic()

    def begin(self, plan: Plan) -> None:
        """Open the file and write who runs what, and *plan*; nothing for a plan that changes nothing."""
        if not plan.is_empty:
            self.begin_steps([operation.step for operation in plan.operations])

    def begin_steps(self, steps: Sequence[Step]) -> None:
        """Open the file, if none is open, and write who runs what, and *steps*.

        Raises SwarmkitError when it cannot be written: then nothing was changed yet.
        """
        if self._file is not None:
            return
        now = datetime.datetime.now(datetime.UTC)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            run, self._file = _new_file(self._folder, f"{now:%Y%m%d-%H%M%S}")
            self.run = run
            # Held until the process ends, however it ends: so a reader knows a running run from a killed one.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write("began", schema=SCHEMA, run=run, at=now.isoformat(timespec="seconds"), command=self._command,
                        cluster=self._cluster, inventory=str(self._inventory.absolute()), **_who())  # fmt: skip
            self._write("plan", steps=[_step(step.key, step.target, step.summary) for step in steps])
        except OSError as error:
            raise SwarmkitError(
                "the run's journal cannot be written, nothing was changed",
                f"{self._folder}: {error.strerror}",
                "make room, or name another folder in XDG_STATE_HOME",
            ) from error

    def note(self, event: str, **fields: Any) -> None:
        """Append one line, if the run has begun; a disk that got full does not stop a run half way."""
        try:
            self._write(event, **fields)
        except OSError:
            self._file = None

    def end(self, exit_code: int, error: str = "") -> None:
        self.note("over", exit=exit_code, error=error)

    def watching(self, progress: Progress) -> Progress:
        """Return a progress that tells *progress* and notes what it told."""
        return _Watched(self, progress)

    def _write(self, event: str, **fields: Any) -> None:
        with self._lock:
            if self._file is None:
                return
            line = {"event": event, "seconds": round(time.monotonic() - self._since, 3), **fields}
            self._file.write(mask(json.dumps(line)) + "\n")
            self._file.flush()


class _Watched:
    def __init__(self, journal: Journal, progress: Progress) -> None:
        self._journal, self._progress = journal, progress

    @property
    def run(self) -> str:
        return self._journal.run

    def phase(self, name: str) -> None:
        self._journal.note("phase", name=name)
        self._progress.phase(name)

    def started(self, key: str, target: str, text: str) -> None:
        self._journal.note("started", **_step(key, target, text))
        self._progress.started(key, target, text)

    def advanced(self, key: str, text: str, done: int = 0, total: int = 0) -> None:
        self._progress.advanced(key, text, done, total)

    def warned(self, key: str, text: str) -> None:
        self._journal.note("warned", key=key, text=text)
        self._progress.warned(key, text)

    def ended(self, key: str, *, ok: bool, note: str = "") -> None:
        self._journal.note("ended", key=key, ok=ok, note=note)
        self._progress.ended(key, ok=ok, note=note)


def _step(key: str, target: str, summary: str) -> dict[str, str]:
    """A step without its changes: an environment may hold what is nobody else's business."""
    return {"key": key, "target": target, "summary": summary}


def _who() -> dict[str, str | int]:
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return {"user": user, "host": socket.gethostname(), "pid": os.getpid()}


def _new_file(folder: Path, second: str) -> tuple[str, TextIO]:
    """Return the name and the empty journal of a run that begins in that *second*, as perhaps others do."""
    while True:
        run = f"{second}-{secrets.token_hex(2)}"
        with contextlib.suppress(FileExistsError):
            path = folder / (run + SUFFIX)
            return run, os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), "w")
