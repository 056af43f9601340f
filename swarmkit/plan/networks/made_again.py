"""Networks that are made again as they once were, though others may have their ranges by now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmkit.observed.model import ClusterState, subnets_of
from swarmkit.plan.networks.ranges import is_inside, overlap


def range_holder(body: Mapping[str, Any], cluster: ClusterState) -> str:
    """Return the overlay of *cluster* that has a range of *body* by now: the engine would make it and never allocate.

    Nothing where it is free.
    """
    overlays = [live for live in cluster.networks if live.driver == "overlay" and body.get("Driver") == "overlay"]
    wanted = subnets_of(body)
    return next((f"{has.name} ({one})" for has in overlays for one in has.subnets if _meets(one, wanted)), "")


def with_a_free_range(body: Mapping[str, Any], cluster: ClusterState) -> dict[str, Any]:
    """Return *body* asking for any range of the swarm's pools, where it had one of them; else as it is."""
    subnets, pools = subnets_of(body), cluster.address_pools
    if not all(any(is_inside(subnet, pool) for pool in pools) for subnet in subnets):
        return dict(body)
    return {**body, "IPAM": {**body["IPAM"], "Config": []}}


def _meets(subnet: str, others: tuple[str, ...]) -> bool:
    return any(overlap(subnet, other) for other in others)
