"""The routing mesh's own network, made anew and encrypted where the inventory asks for it; pure.

Docker makes ingress in clear and cannot change it. It can be removed while no service publishes a port through it, and
made again with any option of an overlay (moby/moby#31714).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.ingress import ingress_of, ready_hosts
from swarmkit.observed.model import ClusterState, Observed, ServiceState
from swarmkit.plan.model import Step
from swarmkit.plan.networks.ingress_operations import EncryptIngress, TakeUpIngress
from swarmkit.plan.stacks.spec_diff import Change

INGRESS = "ingress:encrypt"
ON_NODES = "ingress:nodes"


def publishing(cluster: ClusterState) -> list[str]:
    """Return the services that publish a port through ingress: while there is one it cannot be removed."""
    return [service.name for service in cluster.services if _by_ingress(service)]


def _by_ingress(service: ServiceState) -> list[str]:
    """Return what the service publishes through ingress, by the port in the container: ``80/tcp``."""
    ports = (service.spec.get("EndpointSpec") or {}).get("Ports") or ()
    meshed = [port for port in ports if (port.get("PublishMode") or "ingress") == "ingress"]
    return list(dict.fromkeys(f"{port.get('TargetPort')}/{port.get('Protocol') or 'tcp'}" for port in meshed))


def is_due(inventory: Inventory, cluster: ClusterState | None) -> bool:
    """Tell whether ingress shall be encrypted and is not."""
    if not inventory.encrypt_ingress:
        return False
    live = ingress_of(cluster) if cluster else None
    return live is None or not live.encrypted


def ingress_refusals(inventory: Inventory, cluster: ClusterState | None) -> Iterator[Finding]:
    """Yield that ingress cannot be made anew, as ports are published through it, and how they are not for a while."""
    if cluster is None or not is_due(inventory, cluster):
        return
    if services := publishing(cluster):
        what = "ingress shall be encrypted, and can only be made anew while no service publishes a port through it"
        remedy = (
            f"{_unpublished(cluster)}; then swarmkit up, which makes it anew and publishes again what its stack file "
            "says: until then those ports are closed, and each of the two restarts the tasks; or leave "
            "swarm_encrypt_ingress out, and publish with mode: host or speak TLS"
        )
        yield Finding("B45", "error", "ingress", what, f"published through it by {', '.join(services)}", remedy)


def _unpublished(cluster: ClusterState) -> str:
    """Return the commands by which no service publishes through ingress any more."""
    commands = [
        f"docker service update {' '.join(f'--publish-rm {port}' for port in ports)} {service.name}"
        for service in cluster.services
        if (ports := _by_ingress(service))
    ]
    return f"on {cluster.told_by}: {' && '.join(commands)}"


def renew_ingress(
    inventory: Inventory, observed: Observed, manager: str, after: frozenset[str]
) -> Iterator[EncryptIngress | TakeUpIngress]:
    """Yield what makes ingress anew by *manager*, where that is due and can be, and has the nodes take it up."""
    cluster = observed.cluster
    if is_due(inventory, cluster):
        if cluster and publishing(cluster):
            return
        changes = (Change("Options.encrypted", "false", "true"),) if cluster else ()
        summary, reason = "make ingress anew, encrypted", "swarm_encrypt_ingress; Docker makes it in clear"
        yield EncryptIngress(Step(INGRESS, "network", "update", "ingress", summary, reason, after, changes), manager)
        yield take_up(manager, ready_hosts(observed) or [manager], frozenset({INGRESS}))
    elif inventory.encrypt_ingress and observed.without_ingress:
        yield take_up(manager, sorted(observed.without_ingress), after)


def take_up(manager: str, hosts: Sequence[str], after: frozenset[str]) -> TakeUpIngress:
    """Return what has every node take ingress up, seen on *hosts*, which are ready nodes."""
    summary = f"have each node take ingress up: {', '.join(hosts)}"
    reason = "managers give a node its address on another ingress when it is updated; its spec stays"
    return TakeUpIngress(Step(ON_NODES, "network", "update", "ingress", summary, reason, after), manager, tuple(hosts))
