"""A network's driver that no engine has: a word mistyped, or a plugin that is not installed; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from swarmkit.declared.documents.complaints import did_you_mean
from swarmkit.declared.stack.service import Network
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.network_drivers import BUILT_IN, is_among

_OF_NETWORKS = ("bridge", "ipvlan", "macvlan", "overlay")
"""Those that a network can be made with."""


def driver_refusals(network: Network, observed: Observed) -> Iterator[Finding]:
    """Yield that no host has the driver of *network*: a manager would refuse it."""
    told = {driver for facts in observed.hosts.values() for driver in facts.engine.network_drivers}
    if not is_among(network.driver, told):
        what = f"no host has a network driver {network.driver}"
        yield Finding("B32", "error", network.name, what, network.place, other_drivers(network.driver, told))


def other_drivers(driver: str, told: Collection[str]) -> str:
    """Return what else there is, the nearest first, and what to do about a plugin."""
    known = sorted({*_OF_NETWORKS, *_plugins(told)})
    near = did_you_mean(driver, known)
    return f"{near + ' ' if near else ''}there are {', '.join(known)}; a plugin is to be installed on the hosts before"


def _plugins(told: Iterable[str]) -> set[str]:
    return {name.removesuffix(":latest") for name in told} - set(BUILT_IN)
