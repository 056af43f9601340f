"""Letting a service stand while its data is copied; how many tasks it had is kept in its own label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Engine, EngineError, Json

HELD_LABEL = "swarmkit.held"
HOLDER_LABEL = "swarmkit.held.by"
Holder = Literal["backup", "restore"]
"""A backup lets it go when its volume is copied, a restore when the data is in that it depends on."""
_TRIES = 10
_OUT_OF_SEQUENCE = "update out of sequence"


@dataclass(frozen=True)
class HoldService:
    """Let a service have no tasks until it is released; one with a task on every node goes on."""

    step: Step
    service: str

    def run(self, context: Context) -> str:
        mode = context.manager.inspect("services", self.service)["Spec"].get("Mode") or {}
        if "Replicated" not in mode:
            return "it has a task on every node and cannot stand still"
        return f"its tasks when it runs: {hold(context.manager, self.service, 'restore')}"


@dataclass(frozen=True)
class ReleaseService:
    step: Step
    service: str

    def run(self, context: Context) -> str:
        release(context.manager, self.service)
        return ""


def holder_of(labels: Mapping[str, str]) -> Holder | None:
    """Return who holds the service that has *labels*."""
    if HELD_LABEL not in labels:
        return None
    return "backup" if labels.get(HOLDER_LABEL) == "backup" else "restore"


def hold(manager: Engine, name: str, by: Holder) -> int:
    """Let service *name* have no tasks, and return how many it had."""

    def change(spec: Json) -> None:
        replicas = _replicas(spec, name)
        labels = spec.get("Labels") or {}
        if HELD_LABEL not in labels:
            spec["Labels"] = {**labels, HELD_LABEL: str(replicas["Replicas"]), HOLDER_LABEL: by}
        replicas["Replicas"] = 0

    return int(_change(manager, name, change)["Labels"][HELD_LABEL])


def release(manager: Engine, name: str) -> None:
    """Give service *name* the tasks back that it had.

    One that was not held stays as it is, and one that somebody gave tasks meanwhile keeps those.
    """

    def change(spec: Json) -> None:
        spec.update(unheld(spec))

    _change(manager, name, change)


def unheld(spec: Mapping[str, Any]) -> Json:
    """Return *spec* as it is when the service runs."""
    labels, mode = spec.get("Labels") or {}, spec.get("Mode") or {}
    replicas, held = mode.get("Replicated"), str(labels.get(HELD_LABEL, ""))
    if replicas is None or not held.isdigit():
        return dict(spec)
    kept = {key: value for key, value in labels.items() if key not in (HELD_LABEL, HOLDER_LABEL)}
    as_before = {**replicas, "Replicas": replicas.get("Replicas") or int(held)}
    return {**spec, "Labels": kept, "Mode": {**mode, "Replicated": as_before}}


def _replicas(spec: Json, name: str) -> Json:
    mode: Json | None = (spec.get("Mode") or {}).get("Replicated")
    if mode is None:
        raise SwarmkitError(f"service {name} has a task on every node and cannot be held")
    return mode


def _change(manager: Engine, name: str, change: Callable[[Json], None]) -> Json:
    for _ in range(_TRIES):
        service = manager.inspect("services", name)
        spec: Json = service["Spec"]
        change(spec)
        try:
            manager.update("services", str(service["ID"]), int(service["Version"]["Index"]), spec)
        except EngineError as error:
            # The engine did nothing: somebody else's update came first.
            if _OUT_OF_SEQUENCE not in error.message:
                raise
            continue
        return spec
    raise SwarmkitError(f"service {name} changes all the time", f"{_TRIES} updates were out of sequence")
