"""Plans of `swarmkit run`: a container on one host, or every reason why it would not come up; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from swarmkit.declared.stack.image_archive import ImageArchive, exposed_ports
from swarmkit.finding import Finding
from swarmkit.observed.networks import HostNetwork, network_of
from swarmkit.plan.containers.operations import RunContainer
from swarmkit.plan.containers.wish import ContainerWish
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.networks.endpoint_wish import EndpointWish
from swarmkit.plan.networks.refusals import absence_refusals, address_refusals, endpoint_refusals
from swarmkit.plan.stacks.container_spec import familiar
from swarmkit.plan.stacks.operations import SendImage

OWN_STACK = ("host", "none")
_MODES = (*OWN_STACK, "bridge", "default")


@dataclass(frozen=True)
class ContainerPlace:
    """What was read of the host that is to run a container, and of the swarm's networks."""

    host: str
    image: Mapping[str, Any] | None
    """What the engine tells of the image; None when it has none of that name."""
    container_names: frozenset[str]
    networks: tuple[HostNetwork, ...]
    """The host's own, and the managers' of the swarm: a worker knows an overlay only while it uses it."""
    listened: frozenset[str]
    """The host's ports that are taken, as ``80/tcp``."""
    answering: frozenset[str] = frozenset()
    """Those of the addresses asked for that something on their network already answers at."""
    sent: ImageArchive | None = None
    """What the host is to be sent first, as it lacks the image."""


def plan_run(wish: ContainerWish, place: ContainerPlace) -> Plan:
    """Return what runs *wish* on *place*, or all refusals."""
    refusals = tuple(_refusals(wish, place))
    if refusals:
        return Plan((), refusals)
    wish = replace(wish, places={_as_known(name, place): endpoint for name, endpoint in wish.places.items()})
    reason = f"{wish.image} on {' and '.join(_kind(name, place) for name in wish.places)}"
    images = tuple(_sending(wish, place))
    after = frozenset(image.step.key for image in images)
    what = f"run container {wish.name}"
    step = Step(f"container:{wish.name}", "container", "create", place.host, what, reason, after)
    return Plan((*images, RunContainer(step, place.host, wish)))


def _sending(wish: ContainerWish, place: ContainerPlace) -> Iterator[SendImage]:
    if archive := place.sent:
        size = f"{archive.size_bytes / 1e6:.0f} MB; it lacks it"
        key = f"image:{place.host}:{archive.image_id}"
        step = Step(key, "image", "create", place.host, f"send {familiar(wish.image)}", size)
        # The container names it by its tag, which both kinds of store know.
        yield SendImage(step, place.host, archive, by_tag=True)


def _refusals(wish: ContainerWish, place: ContainerPlace) -> Iterator[Finding]:
    host = place.host
    if place.image is None and place.sent is None:
        remedy = f"give its docker-archive file with --images DIR; or on {host}: docker pull {wish.image}"
        why = "run pulls none"
        yield Finding("H76", "error", host, f"there is no image {wish.image} on {host}", why, remedy)
    if wish.name in place.container_names:
        remedy = f"choose another --name; or on {host}: docker rm -f {wish.name}"
        yield Finding("D15", "error", host, f"there is a container {wish.name}", "", remedy)
    yield from _network_refusals(wish, place)
    for port in sorted(wish.host_ports & place.listened):
        yield _taken(host, port, "it was to be published")
    if wish.network == "host":
        for port in sorted(_exposed(place) & place.listened):
            yield _taken(host, port, f"{wish.image} says that it listens on it, and has the host's own ports")


def _exposed(place: ContainerPlace) -> set[str]:
    """Return the ports that the image says it listens on."""
    if place.sent:
        return set(exposed_ports(place.sent))
    return set(((place.image or {}).get("Config") or {}).get("ExposedPorts") or {})


def _network_refusals(wish: ContainerWish, place: ContainerPlace) -> Iterator[Finding]:
    if wish.network in OWN_STACK and _on_network(wish):
        what = f"--network {wish.network} has no ports to publish, no names, and no addresses of the container's own"
        remedy = "leave -p, -P, --ip, --ip6, --link-local-ip, --mac-address, --link and --network-alias out"
        yield Finding("D14", "error", place.host, what, "", remedy)
        return
    meant: dict[str, str] = {}
    for name, endpoint in wish.places.items():
        network = network_of(name, place.networks)
        if network is None and name in _MODES:
            continue
        yield from absence_refusals(place.host, name, network, place.networks)
        if network is None:
            continue
        if network.id in meant:
            what = f"--network {meant[network.id]} and {name} are one network"
            yield Finding("D14", "error", place.host, what, "", "give it once")
        elif len(wish.places) > 1 and network.name in _MODES:
            what = f"--network {name} is the engine's own {network.name}, and goes with no other"
            yield Finding("D14", "error", place.host, what, "", "swarmkit network create")
        meant[network.id] = name
        yield from _place_refusals(endpoint, place, network)


def _place_refusals(endpoint: EndpointWish, place: ContainerPlace, network: HostNetwork) -> Iterator[Finding]:
    yield from endpoint_refusals(endpoint, place.host, network)
    for word, address in (("--ip", endpoint.ip), ("--ip6", endpoint.ip6)):
        if address:
            answered = address in place.answering
            yield from address_refusals(place.host, address, network, answered=answered, word=word)


def _as_known(name: str, place: ContainerPlace) -> str:
    """Return the network's name, for which an ID may stand; the ID where the host has several of that name."""
    network = network_of(name, place.networks)
    if network is None:
        return name
    return network.name if sum(other.name == network.name for other in place.networks) == 1 else network.id


def _on_network(wish: ContainerWish) -> bool:
    """Tell of words that need a network of the container's own."""
    return bool(wish.published or wish.publish_all or wish.places[wish.network].body or wish.mac_address)


def _kind(name: str, place: ContainerPlace) -> str:
    network = network_of(name, place.networks)
    if name in _MODES or network is None:
        return f"network {name}"
    return f"{network.driver} network {network.name}"


def _taken(host: str, port: str, why: str) -> Finding:
    remedy = f"choose another port; see who has it on {host}: ss -lntup"
    return Finding("H80", "error", host, f"port {port} is taken on {host}", why, remedy)
