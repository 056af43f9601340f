"""The named volumes of every host, where they matter for a plan. Never writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swarmkit.observed.model import FILLED_LABEL, WHOLE_LABEL, Observed
from swarmkit.reach.fan_out import fan_out
from swarmkit.reach.fleet import Fleet, ReachedHost

WHOLE_FILE = "swarmkit.whole"
"""Beside a volume's content, so that it goes with the volume: the backup whose data went into it to the end."""

_WHOLE = f'for folder in "$@"; do (read -r backup <"${{folder%/*}}/{WHOLE_FILE}" && echo "$backup") 2>&- || echo; done'
_TIMEOUT_SECONDS = 30.0


def with_volumes(fleet: Fleet, observed: Observed) -> Observed:
    """Return *observed* with the volumes of every host; raises what the first host that does not answer raised."""
    answers = fan_out(fleet, lambda name: _volumes(fleet[name]))
    found: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for name, answer in answers.items():
        if isinstance(answer, Exception):
            raise answer
        found[name] = answer
    return replace(observed, volumes=found)


def _volumes(reached: ReachedHost) -> dict[str, dict[str, str]]:
    listed = reached.engine.find("volumes")
    found = {str(volume["Name"]): dict(volume.get("Labels") or {}) for volume in listed}
    ours = {str(one["Name"]): str(one["Mountpoint"]) for one in listed if FILLED_LABEL in (one.get("Labels") or {})}
    if ours:
        said = reached.shell.run(_WHOLE, tuple(ours.values()), timeout_seconds=_TIMEOUT_SECONDS).stdout
        for name, backup in zip(ours, said.splitlines(), strict=False):
            found[name] |= {WHOLE_LABEL: backup} if backup else {}
    return found
