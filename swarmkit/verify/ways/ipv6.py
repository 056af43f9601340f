"""What goes by IPv6 is not tried, and that is told of each network and node; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, NetworkState, Observed
from swarmkit.verify import codes
from swarmkit.verify.live import Live

_REMEDY = "try it by hand, from a container or a host that has such an address"


def tell_untried(
    live: Live, cluster: ClusterState, observed: Observed, data_addresses: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield each network with IPv6 and each node that others reach by it; *data_addresses* by host."""
    networks = [*live.networks.values(), *([live.ingress] if live.ingress and live.ingress_ports else [])]
    for network in networks:
        if _has_ipv6(network):
            what = (
                f"what goes by IPv6 on {network.name} was not tried: names, connections and payloads were by IPv4 alone"
            )
            evidence = ", ".join(subnet for subnet in network.subnets if ":" in subnet) or "EnableIPv6 is true"
            yield Finding(codes.CONNECTION, "warning", network.name, what, evidence, _REMEDY)
    for host, facts in observed.hosts.items():
        node = cluster.node(facts.engine.node_id)
        if node and ":" in node.address:
            what = f"ways to and from {host} were not tried but from container to container: its address is IPv6"
            evidence = f"{node.address}; not tried: gossip (V26), published ports there (V06), unpublished ones (V24)"
            yield Finding(codes.GOSSIP, "warning", host, what, evidence, _REMEDY)
        if (
            node
            and ":" in data_addresses.get(host, "")
            and any(host in live.carriers(one.id) for one in live.encrypted)
        ):
            what = f"the cable of {host} was not watched: its overlays go by IPv6"
            evidence = f"{data_addresses[host]}; no clear frame (V19) was sent to it or from it"
            yield Finding(codes.WIRE, "warning", host, what, evidence, _REMEDY)


def _has_ipv6(network: NetworkState) -> bool:
    return bool(network.raw.get("EnableIPv6")) or any(":" in subnet for subnet in network.subnets)
