"""How the swarm is made and how a host joins it; pure."""

from __future__ import annotations

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.advertised import advertise_address
from swarmkit.plan.nodes.memberships import CLUSTER_LABEL
from swarmkit.plan.nodes.swarm_operations import InitSwarm, JoinNode

INIT = "swarm:init"
MADE_LABEL = "swarmkit.made"
"""On a swarm that swarmkit initialised: only such a swarm is ever dissolved by it."""


def first_manager(inventory: Inventory, observed: Observed) -> str:
    """Return the manager that takes the writes: the one that told of the cluster, else the first declared one."""
    return observed.cluster.told_by if observed.cluster else inventory.managers[0].name


def addresses(host: Host, observed: Observed) -> dict[str, str]:
    """Return the addresses of the API's body by which *host* becomes a node."""
    address = advertise_address(host, observed.hosts[host.name]) or host.address
    return {"AdvertiseAddr": address, "DataPathAddr": host.data_path_addr or address, "ListenAddr": "0.0.0.0:2377"}


def init_swarm(
    host: Host, inventory: Inventory, observed: Observed, pools: tuple[str, ...], after: frozenset[str]
) -> InitSwarm:
    """Return the operation that makes the swarm on *host*, its networks' ranges of *pools*."""
    body = {
        **addresses(host, observed),
        "DefaultAddrPool": list(pools),
        "SubnetSize": inventory.address_pool_prefix or 24,
        # A draining manager would take tasks until its node is updated otherwise.
        "Availability": host.availability,
        "Spec": {
            "Labels": {CLUSTER_LABEL: inventory.cluster, MADE_LABEL: "true"},
            "EncryptionConfig": {"AutoLockManagers": inventory.autolock},
        },
    }
    if inventory.data_path_port:
        body["DataPathPort"] = inventory.data_path_port
    where = f"advertise {body['AdvertiseAddr']}, data path {body['DataPathAddr']}, pools {', '.join(pools)}"
    step = Step(INIT, "swarm", "create", host.name, "initialise the swarm", f"no swarm yet; {where}", after)
    return InitSwarm(step, body)


def join_node(key: str, host: Host, first: Host, observed: Observed, after: frozenset[str]) -> JoinNode:
    """Return the operation that joins *host* by way of *first*, a manager."""
    body = {
        **addresses(host, observed),
        "RemoteAddrs": [f"{addresses(first, observed)['AdvertiseAddr']}:2377"],
        # The engine's own join would make a draining node active for a moment otherwise.
        "Availability": host.availability,
    }
    reason = f"not in a swarm; advertise {body['AdvertiseAddr']}"
    return JoinNode(Step(key, "node", "create", host.name, f"join as {host.role}", reason, after), host.role, body)
