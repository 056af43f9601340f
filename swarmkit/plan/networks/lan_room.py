"""Whether a LAN's range has an address for each task; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Network, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts, Observed
from swarmkit.plan.networks.address_rows import total_of
from swarmkit.plan.networks.lans import LanWish, users_of
from swarmkit.plan.networks.sizes import tasks_of
from swarmkit.plan.networks.wish import NetworkWish

_NO_GATEWAY_API = (1, 52)


def room_refusals(
    stack: Stack, network: Network, wish: LanWish, inventory: Inventory, observed: Observed
) -> Iterator[Finding]:
    """Yield H30 for hosts whose part of the range holds no task, and where all parts hold less than the tasks.

    Jobs are not counted: they may be over before the others begin.
    """
    remedy = "a larger range; or a gateway, else one address of each part goes to it: x-swarmkit: {gateway: ADDRESS}"
    room = {host: _room(config, network, observed.hosts[host]) for host, config in wish.configs.items()}
    for host in (host for host, amount in room.items() if not amount):
        what = f"network {network.name} has no address for a task on {host}"
        seen = f"{wish.configs[host].ip_ranges[0]}: the engine takes its only address for a gateway"
        yield Finding("H30", "error", host, what, seen, remedy)
    lasting = [service for service in users_of(stack, network) if not service.deploy.is_job]
    tasks = sum(tasks_of(service, inventory, observed) for service in lasting)
    if all(room.values()) and sum(room.values()) < tasks and not wish.full:
        what = f"network {network.name} has {sum(room.values())} addresses for {tasks} tasks"
        seen = ", ".join(f"{host} {wish.configs[host].ip_ranges[0]}: {amount}" for host, amount in room.items())
        yield Finding("H30", "error", network.name, what, f"{seen} ({network.place})", remedy)


def _room(config: NetworkWish, network: Network, facts: HostFacts) -> int:
    """Return how many tasks find an address in the part of *config*.

    Without a gateway the engine takes one of it, unless the network is internal or the engine is of 29.0 or later
    (moby/moby#50985, #50929).
    """
    keeps_all = network.internal or facts.engine.api_version >= _NO_GATEWAY_API
    return total_of(config.body["IPAM"]["Config"][0]) + (keeps_all and not config.gateways)
