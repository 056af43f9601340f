"""Address pools for overlays: which of them the hosts leave free; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from swarmkit.finding import Finding
from swarmkit.observed.model import Observed


def pool_refusals(pools: Iterable[str], observed: Observed) -> Iterator[Finding]:
    """Yield each address pool that overlaps a host's route (HAZARDS H28): the host would lose that network."""
    for pool in pools:
        for name, facts in observed.hosts.items():
            for route in facts.system.routes:
                if ipaddress.ip_network(pool).overlaps(ipaddress.ip_network(route.destination)):
                    yield Finding(
                        "B26", "error", name, f"pool {pool} overlaps route {route.destination} ({route.device})",
                        f"ip route of {name} has {route.destination} dev {route.device}", _POOLS,
                    )  # fmt: skip


_POOLS = "swarmkit network plan names free ranges; then in the inventory, under vars: swarm_address_pools: [RANGE]"


NO_FREE_RANGE = Finding(
    "B26",
    "error",
    "swarm",
    "no free address range found",
    "each /16 of 10.20.0.0 to 10.255.0.0 overlaps a route of a host",
    "in the inventory, under vars: swarm_address_pools: [RANGE], with one that no host needs",
)


def free_pool(observed: Observed) -> str | None:
    """Return the first private /16 that overlaps no host's route; None when all do."""
    candidates = [f"10.{number}.0.0/16" for number in range(20, 256)]
    for candidate in candidates:
        if not list(pool_refusals([candidate], observed)):
            return candidate
    return None
