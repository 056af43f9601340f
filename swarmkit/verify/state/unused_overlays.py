"""Overlay networks of nobody's stack that nothing uses; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.observed.model import STACK_LABEL, ClusterState, NetworkState
from swarmkit.observed.task_states import ENDED
from swarmkit.verify import codes
from swarmkit.verify.probe.look import HostLook


def unused_overlays(
    cluster: ClusterState, looks: Mapping[str, HostLook], declared: Collection[str], nodes_looked_at: Collection[str]
) -> Iterator[Finding]:
    """Yield each overlay network that was made by hand and that no service, no task and no container is on.

    A container that runs is a task of its network's, on whatever node. One that is stopped is known to its host alone:
    of an attachable network nothing is said unless every node could be looked at. *declared*: the IDs of networks of
    the stack file.
    """
    used = in_use(cluster) | set(declared)
    used |= {network for task in cluster.tasks if task.state not in ENDED for network in task.addresses}
    used |= {network for seen in looks.values() for network in seen.attached}
    is_whole = all(node.id in nodes_looked_at for node in cluster.nodes)
    for network in cluster.networks:
        is_known = is_whole or not network.raw.get("Attachable")
        if _is_made_by_hand(network) and is_known and not {network.id, network.name} & used:
            what = f"nothing is on the overlay network {network.name}, which is of no stack"
            evidence = ", ".join((f"network {network.id}", *network.subnets))
            remedy = f"only if nobody means to use it: docker network rm {network.name}"
            yield Finding(codes.LEFTOVER, "warning", network.name, what, evidence, remedy)


def _is_made_by_hand(network: NetworkState) -> bool:
    is_overlay = network.driver == "overlay" and network.scope == "swarm"
    return is_overlay and not network.raw.get("Ingress") and STACK_LABEL not in network.labels


def in_use(cluster: ClusterState) -> frozenset[str]:
    """Return the IDs of networks, secrets and configs that a service uses."""
    used: set[str] = set()
    for service in cluster.services:
        template = service.spec.get("TaskTemplate") or {}
        container = template.get("ContainerSpec") or {}
        attached = [*(template.get("Networks") or ()), *(service.spec.get("Networks") or ())]
        used |= {str(one["Target"]) for one in attached}
        for what in ("Secret", "Config"):
            used |= {str(one.get(f"{what}ID")) for one in container.get(f"{what}s") or ()}
    return frozenset(used)
