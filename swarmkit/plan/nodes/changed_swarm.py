"""Changing the spec of the swarm's own object, which every manager may change at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swarmkit.errors import NotConvergedError
from swarmkit.reach.engine import Engine, EngineError, Json, Rotated

_TRIES = 10


def change_swarm(manager: Engine, change: Callable[[Json], Json], *rotate: Rotated) -> None:
    """Write a changed spec at the version that was read; out of sequence means that nothing was done."""
    for _ in range(_TRIES):
        swarm = manager.swarm()
        try:
            manager.update_swarm(int(swarm["Version"]["Index"]), change(swarm["Spec"]), rotate=rotate)
        except EngineError as error:
            if "update out of sequence" not in error.message:
                raise
            continue
        return
    raise NotConvergedError("the swarm changes all the time", f"{_TRIES} updates were out of sequence")


def label_swarm(manager: Engine, labels: Mapping[str, str]) -> None:
    """Give the swarm *labels* beside those that it has."""
    change_swarm(manager, lambda spec: {**spec, "Labels": {**(spec.get("Labels") or {}), **labels}})


def unlabel_swarm(manager: Engine, name: str) -> None:
    """Take the swarm's label *name* away."""

    def change(spec: Json) -> Json:
        return {**spec, "Labels": {key: value for key, value in (spec.get("Labels") or {}).items() if key != name}}

    change_swarm(manager, change)
