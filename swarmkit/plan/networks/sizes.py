"""Whether the networks of a stack have an address for everything that is to be on them; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.service import Network, Service, Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, NetworkState, Observed, ServiceState, network_targets
from swarmkit.plan.networks.ranges import RESERVED_ADDRESSES, pool_prefix
from swarmkit.plan.stacks.placement import eligible_hosts


def size_findings(
    stack: Stack, networks: Iterable[Network], inventory: Inventory, observed: Observed
) -> Iterator[Finding]:
    """Yield H30 for each overlay of *networks* too small for what *stack* puts on it and others have there."""
    for network in networks:
        live = observed.cluster.network(network.name) if observed.cluster else None
        driver = (live.driver if live else "") if network.external else network.driver
        if driver != "overlay":
            continue
        needed, total = addresses_needed(stack, network, inventory, observed), _total(network, inventory, observed)
        if needed > total:
            evidence = f"{needed} are needed (a host, a service and a task each one), {total} are there"
            yield Finding(
                "H30", "error", network.name, "its subnet has too few addresses: tasks would stay in state new",
                f"{evidence} ({network.place})" if network.place else evidence,
                _remedy(network, 32 - (needed + RESERVED_ADDRESSES).bit_length()),
            )  # fmt: skip


def _remedy(network: Network, prefix: int) -> str:
    if network.external:
        return f"have {network.name} made with a subnet of /{prefix} or larger, or put fewer tasks on it"
    return f"in the stack file, for {network.key}: ipam: {{config: [{{subnet: A.B.C.0/{prefix}}}]}}"


def addresses_needed(stack: Stack, network: Network, inventory: Inventory, observed: Observed) -> int:
    """Count a load balancer's address a host, a service's own and one a task, as the allocator gives them."""
    on_it = [service for service in stack.services if network.key in {entry.name for entry in service.networks}]
    tasks = sum(tasks_of(service, inventory, observed) for service in on_it)
    own = sum(service.deploy.endpoint_mode != "dnsrr" for service in on_it)
    cluster = observed.cluster
    if cluster and (live := cluster.network(network.name)):
        for other in _others(stack, live, cluster):
            tasks += sum(task.desired_state == "running" for task in cluster.tasks_of(other.id))
            own += (other.spec.get("EndpointSpec") or {}).get("Mode") != "dnsrr"
    return min(len(inventory.hosts), tasks) + own + tasks


def _others(stack: Stack, live: NetworkState, cluster: ClusterState) -> Iterator[ServiceState]:
    """Yield the services on the network *live* that are not of *stack*."""
    for service in cluster.services:
        if service.stack != stack.name and {live.id, live.name} & network_targets(service.spec):
            yield service


def tasks_of(service: Service, inventory: Inventory, observed: Observed) -> int:
    """Return how many tasks of *service* there are to be: of a global one, one on each host that may run it."""
    if service.deploy.mode.startswith("replicated"):
        return service.deploy.replicas
    return len(eligible_hosts(service, inventory.hosts, observed))


def _total(network: Network, inventory: Inventory, observed: Observed) -> int:
    live = observed.cluster.network(network.name) if observed.cluster else None
    sizes = [ipaddress.ip_network(subnet) for subnet in network.subnets or (live.subnets if live else ())]
    fours = [size for size in sizes if size.version == 4]
    if not fours:
        return int(2 ** (32 - pool_prefix(inventory, observed))) - RESERVED_ADDRESSES
    return sum(size.num_addresses - RESERVED_ADDRESSES for size in fours)
