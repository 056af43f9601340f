"""Which drivers of networks a host's engine has. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from swarmkit.observed.ipam_drivers import is_of_file
from swarmkit.reach.fleet import ReachedHost

BUILT_IN = ("bridge", "host", "ipvlan", "macvlan", "null", "overlay")


def has_driver(reached: ReachedHost, name: str, told: Collection[str], *, for_swarm: bool) -> bool:
    """Tell whether the engine has *name*, of which it *told*, or would start it: a file's plugin, but for no swarm."""
    return is_among(name, told) or (not for_swarm and is_of_file(reached, name))


def is_among(name: str, told: Iterable[str]) -> bool:
    """Tell whether *name* is of every engine, or a plugin that is *told*, which has a tag there."""
    return name in BUILT_IN or any(plugin in (name, f"{name}:latest") for plugin in told)
