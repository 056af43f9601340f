"""MTUs of the hosts' links, compared with each other and with what overlays and ingress assume; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from swarmkit.declared.stack.service import MTU_OPTION
from swarmkit.doctor.evidence import DEFAULT_MTU_BYTES, Evidence
from swarmkit.finding import Finding
from swarmkit.plan.networks.ingress import publishing
from swarmkit.plan.networks.ingress_mtu import new_ingress_lines


def check_mtus(evidence: Evidence) -> Iterator[Finding]:
    """Yield H11 and H13: links smaller than what overlays assume, and sizes that differ between hosts."""
    mtus = evidence.mtus
    if len(set(mtus.values())) > 1:
        sizes = ", ".join(f"{name}: {mtu}" for name, mtu in mtus.items())
        largest = max((evidence.assumed_mtu, *_live(evidence)))
        is_lost = min(mtus.values()) < largest
        lost = "large frames" if is_lost else f"overlays' frames, of {largest} bytes at most, pass, and larger ones"
        what = f"the hosts' data links have different MTUs: {lost} get lost in one direction"
        remedy = "\n".join(
            f"on {name}: ip link set dev {_data_device(evidence, name)} mtu {min(mtus.values())}"
            for name, mtu in mtus.items()
            if mtu > min(mtus.values())
        )
        remedy += _or_larger(evidence)
        yield Finding("H13", "error" if is_lost else "warning", ", ".join(mtus), what, sizes, remedy)
    smallest = min(mtus.values(), default=DEFAULT_MTU_BYTES)
    if smallest < evidence.assumed_mtu:
        small = [name for name, mtu in mtus.items() if mtu < evidence.assumed_mtu]
        what = f"overlays assume links of {evidence.assumed_mtu} bytes: large payloads will hang, small ones pass"
        remedy = f"in the stack file, for each network: driver_opts: {{{MTU_OPTION}: '{smallest}'}}"
        yield Finding("H11", "error", ", ".join(small), what, f"the smallest MTU is {smallest} bytes", remedy)
    yield from _check_ingress_mtu(evidence, smallest)


def _or_larger(evidence: Evidence) -> str:
    """Return how the few hosts with smaller links get what most have; nothing where most have the smallest."""
    (usual, count), *_ = Counter(evidence.mtus.values()).most_common()
    fewer = [name for name, mtu in evidence.mtus.items() if mtu < usual]
    if not fewer or count <= len(evidence.mtus) / 2:
        return ""
    wider = "; ".join(f"on {name}: ip link set dev {_data_device(evidence, name)} mtu {usual}" for name in fewer)
    return f"\nor, where the line takes {usual} bytes and {', '.join(fewer)} was set by mistake: {wider}"


def _live(evidence: Evidence) -> Iterator[int]:
    """Yield the path MTUs that the overlays reckon with which are there, in bytes."""
    for network in (one for one in evidence.networks if one.driver == "overlay"):
        yield int((network.raw.get("Options") or {}).get(MTU_OPTION) or DEFAULT_MTU_BYTES)


def _data_device(evidence: Evidence, host: str) -> str:
    link = evidence.hosts[host].link_of(evidence.peers[host].data)
    return link.name if link else "DEVICE"


def _check_ingress_mtu(evidence: Evidence, smallest: int) -> Iterator[Finding]:
    """Yield H11 for the routing mesh's own network, which takes its MTU from no stack file.

    A warning: only what goes on to another host by a published port is lost, and a first `up` must not be refused.
    """
    published = _by_the_mesh(evidence)
    network = next((one for one in evidence.networks if one.raw.get("Ingress")), None)
    options = network.raw.get("Options") or {} if network else {}
    assumed = int(options.get(MTU_OPTION) or DEFAULT_MTU_BYTES)
    if not published or smallest >= assumed:
        return
    cluster = evidence.observed.cluster
    first_manager = next((one.name for one in evidence.inventory.hosts if one.role == "manager"), "a manager")
    commands = new_ingress_lines(
        cluster.told_by if cluster else first_manager,
        services=publishing(cluster) if cluster else (),
        mtu=str(smallest),
        encrypted="encrypted" in options if network else evidence.inventory.encrypt_ingress,
    )
    first = "" if cluster else "make the swarm first (swarmkit up without -f); then "
    yield Finding(
        "H11", "warning", ", ".join(name for name, mtu in evidence.mtus.items() if mtu < assumed),
        f"ingress assumes links of {assumed} bytes: large payloads to published ports hang where they go on to "
        "another host",
        f"the smallest MTU is {smallest} bytes; published by it: {', '.join(published)}",
        first + commands,
    )  # fmt: skip


def _by_the_mesh(evidence: Evidence) -> list[str]:
    """Return the services that publish by the routing mesh: of the stack, where there is one, else the live ones."""
    if evidence.stack is not None:
        services = evidence.stack.services
        return [one.name for one in services if any(port.mode == "ingress" for port in one.ports)]
    return list(publishing(evidence.observed.cluster)) if evidence.observed.cluster else []
