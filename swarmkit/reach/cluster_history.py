"""The short journal that the managers keep: the last runs of all operators, for whoever asks any manager.

They are labels of a config object: the raft keeps it, so it outlives a manager, is in a backup, and its labels change
only at the version that was read. Never what a step was about: names of environments and secrets are in no label.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import replace

from swarmkit.errors import SwarmkitError
from swarmkit.journal.record import RunRecord
from swarmkit.reach.any_manager import AnyManager
from swarmkit.reach.engine import EngineError
from swarmkit.secret import mask

HISTORY_NAME = "swarmkit.history"
KEPT_RUNS = 20
ERROR_LETTERS = 200

_PREFIX = "swarmkit.run."
_FIELDS = ("state", "command", "user", "host", "pid", "began", "seconds", "exit_code", "error")


def keep_runs(managers: AnyManager, runs: Iterable[RunRecord]) -> None:
    """Add *runs* to those the managers keep, and drop the oldest.

    Raises EngineError, ConnectionLostError or CommandTimeoutError when they cannot be kept.
    """
    new = {_PREFIX + run.run: json.dumps({name: getattr(run, name) for name in _FIELDS}) for run in map(_short, runs)}
    for _ in range(10):
        found = managers.config(HISTORY_NAME)
        labels = {**((found or {}).get("Spec", {}).get("Labels") or {}), **new}
        spec = {"Name": HISTORY_NAME, "Labels": {key: labels[key] for key in sorted(labels)[-KEPT_RUNS:]}}
        try:
            if found is None:
                body = {**spec, "Data": base64.b64encode(b"swarmkit history --cluster").decode()}
                managers.ask(lambda engine, body=body: engine.create("configs", body))  # type: ignore[misc]
            else:
                identity, version = found["ID"], int(found["Version"]["Index"])
                managers.ask(lambda engine, at=(identity, version, spec): engine.update("configs", *at))  # type: ignore[misc]
        except EngineError as error:
            # Another wrote in between, so nothing was done: look again.
            if error.status != 409 and "out of sequence" not in error.message:
                raise
            continue
        return
    raise SwarmkitError("the managers' history changes all the time", "ten writes were out of sequence")


def kept_runs(managers: AnyManager) -> list[RunRecord]:
    """Return the runs that the managers keep, the newest first."""
    labels = ((managers.config(HISTORY_NAME) or {}).get("Spec") or {}).get("Labels") or {}
    return [_run(key.removeprefix(_PREFIX), labels[key]) for key in sorted(labels, reverse=True)]


def _short(run: RunRecord) -> RunRecord:
    first = mask(run.error).splitlines()[:1]
    return replace(run, error=first[0][:ERROR_LETTERS] if first else "")


def _run(name: str, text: str) -> RunRecord:
    try:
        said = json.loads(text)
        return RunRecord(name, **{field: said[field] for field in _FIELDS})
    except (ValueError, KeyError, TypeError):
        return RunRecord(name, "unreadable")
