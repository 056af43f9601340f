"""What a stack's networks do to the services on them, though each is right by itself: warnings."""

from __future__ import annotations

from collections.abc import Mapping

from swarmkit.declared.documents.field import Field
from swarmkit.declared.stack.service import Network, Service, Stack


def warn_of_names_on_lan(stack: Stack, places: Mapping[str, Field]) -> None:
    """Warn where services share a LAN beside an overlay: their names may lead past the overlay's encryption."""
    lans = {network.key for network in stack.networks if network.lan}
    if not lans:
        return
    for service in stack.services:
        mine = {network.name for network in service.networks}
        for other in stack.services:
            shared = mine & {network.name for network in other.networks}
            if other is not service and shared & lans and shared - lans:
                what = f"it shares {', '.join(sorted(shared))} with {other.name}: the name may be answered by either"
                _networks(service, places).warn("B46", what, "traffic on the LAN is in clear: share one of them")
                break


def warn_of_distant_vips(stack: Stack, places: Mapping[str, Field]) -> None:
    """Warn where a service's VIP may be of another subnet than the tasks that ask for it.

    A manager takes VIPs and tasks' addresses from any subnet, and a host has a bridge for those that its containers
    are in: on the lab a VIP of the other was "Network is unreachable" for all.
    """
    several = {network.key for network in stack.networks if _has_several_subnets(network)}
    for service in stack.services if several else ():
        on = sorted(several & {network.name for network in service.networks})
        if on and service.deploy.endpoint_mode != "dnsrr":
            what = f"{', '.join(on)} has several subnets: the service's VIP may be in one that others cannot reach"
            _networks(service, places).warn("B50", what, "write one subnet that is large enough")


def warn_of_ports_beside_the_hosts_own(stack: Stack, places: Mapping[str, Field]) -> None:
    """Warn where a port in ingress mode takes a service's tasks off the host's own network, which the file names.

    The engine puts them on ingress and a bridge, in silence: what they listen on is not the host's (seen on 26.1).
    """
    hosts_own = {network.key for network in stack.networks if network.external and network.name == "host"}
    for service in stack.services if hosts_own else ():
        ports = [str(port.published or port.target) for port in service.ports if port.mode == "ingress"]
        if ports and hosts_own & {network.name for network in service.networks}:
            what = f"port {', '.join(ports)} in ingress mode: its tasks get a network of their own, not the host's"
            place = places[service.name]
            advice = "leave ports out: what it listens on is the host's"
            place.fields().get("ports", place).warn("B51", what, advice)


def warn_of_host_ports_beside_a_lan(stack: Stack, places: Mapping[str, Field]) -> None:
    """Warn of a port in host mode of a service on a LAN: the engine maps none, and says nothing (seen on 26.1).

    A container's way out is the LAN's router there, so it gets no link to its host for ports to come by.
    """
    lans = {network.key for network in stack.networks if network.lan}
    for service in stack.services if lans else ():
        ports = [str(port.published or port.target) for port in service.ports if port.mode == "host"]
        if ports and (on := sorted(lans & {network.name for network in service.networks})):
            what = f"port {', '.join(ports)} in host mode beside {', '.join(on)}: no host will lead it to the tasks"
            place = places[service.name]
            advice = "leave it out: what it listens on is at its LAN addresses; or publish it in ingress mode"
            place.fields().get("ports", place).warn("B51", what, advice)


def _has_several_subnets(network: Network) -> bool:
    return network.driver == "overlay" and sum(":" not in subnet for subnet in network.subnets) > 1


def _networks(service: Service, places: Mapping[str, Field]) -> Field:
    place = places[service.name]
    return place.fields().get("networks", place)
