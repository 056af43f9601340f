"""What `swarmkit network prune` removes: networks that nothing uses, each by a step of its own; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from swarmkit.observed.networks import CONFIG_ONLY, PREDEFINED, HostNetwork
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.networks.operations import RemoveHostNetwork
from swarmkit.plan.networks.planner import in_turn, removal_key


def unused(
    seen: Collection[HostNetwork], hosts: Collection[str], manager: str | None, used: Collection[str] = ()
) -> Iterator[HostNetwork]:
    """Yield the networks of *hosts*, and with a *manager* those of its swarm, that nothing uses; *used*: by its tasks.

    As for Docker's tool, what engines make themselves, ingress networks and config-only ones are none. Other than for
    it, a container that is stopped uses its networks: it could not be started without them.
    """
    busy = {*used, *(network.id for network in seen if network.users)}
    for network in seen:
        is_kept = network.name in PREDEFINED or network.driver == CONFIG_ONLY or network.raw.get("Ingress")
        is_asked = network.host == manager if network.scope == "swarm" else network.host in hosts
        if is_asked and not is_kept and network.id not in busy:
            yield network


def plan_prune(networks: Iterable[HostNetwork]) -> Plan:
    """Return what removes *networks*, one after another."""
    return in_turn(Plan((_removal(network),)) for network in networks)


def _removal(network: HostNetwork) -> RemoveHostNetwork:
    kind = "the swarm's" if network.scope == "swarm" else f"{network.host}'s"
    made = str(network.raw.get("Created") or "")[:10]
    words = (f"nothing uses it; {kind} {network.driver}", *network.subnets, f"made {made}" if made else "")
    step = Step(
        removal_key(network),
        "network",
        "remove",
        network.host,
        f"remove network {network.name}",
        ", ".join(word for word in words if word),
    )
    return RemoveHostNetwork(step, network.host, network.id)
