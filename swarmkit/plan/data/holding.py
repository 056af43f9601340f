"""Letting a service stand while its data is copied; how many tasks it had is kept in its own label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.reach.engine import Engine, EngineError, Json

HELD_LABEL = "swarmkit.held"
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
        return f"it has {hold(context.manager, self.service)} tasks when it runs"


@dataclass(frozen=True)
class ReleaseService:
    step: Step
    service: str

    def run(self, context: Context) -> str:
        release(context.manager, self.service)
        return ""


def hold(manager: Engine, name: str) -> int:
    """Let service *name* have no tasks, and return how many it had."""

    def change(spec: Json) -> None:
        replicas = _replicas(spec, name)
        spec["Labels"] = {HELD_LABEL: str(replicas["Replicas"]), **(spec.get("Labels") or {})}
        replicas["Replicas"] = 0

    return int(_change(manager, name, change)["Labels"][HELD_LABEL])


def release(manager: Engine, name: str) -> None:
    """Give service *name* the tasks back that it had; one that was not held stays as it is."""

    def change(spec: Json) -> None:
        labels = dict(spec.get("Labels") or {})
        if HELD_LABEL in labels:
            _replicas(spec, name)["Replicas"] = int(labels.pop(HELD_LABEL))
            spec["Labels"] = labels

    _change(manager, name, change)


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
