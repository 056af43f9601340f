"""The address by which a node is told to its peers; pure."""

from __future__ import annotations

from collections.abc import Iterator

from swarmkit.declared.inventory.host import Host
from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts


def advertise_address(host: Host, facts: HostFacts) -> str | None:
    """Return the address *host* tells its peers: the declared one, else its own if the host carries it."""
    if host.advertise_addr:
        return host.advertise_addr
    return host.address if host.address in facts.system.addresses else None


def address_refusals(host: Host, facts: HostFacts) -> Iterator[Finding]:
    """Yield what forbids *host* to be a node: no address that it carries and may tell its peers."""
    address = advertise_address(host, facts)
    carried = ", ".join(facts.system.addresses)
    if address is None:
        yield Finding(
            "H31", "error", host.name, f"{host.address} is not configured on the host, so it cannot be advertised",
            f"the host has {carried}", to_declare(host, "swarm_advertise_addr", facts),
        )  # fmt: skip
    for key, value in (("swarm_advertise_addr", host.advertise_addr), ("swarm_data_path_addr", host.data_path_addr)):
        if value and value not in facts.system.addresses:
            yield Finding(
                "B13", "error", host.name, f"{key} {value} is not configured on the host; NAT is not supported",
                f"the host has {carried}", to_declare(host, key, facts),
            )  # fmt: skip


def known_otherwise(host: Host, facts: HostFacts) -> str:
    """Return the address that the swarm knows *host* by, where another is declared; else nothing."""
    known = facts.engine.node_addr
    return known if host.advertise_addr and known and known != host.advertise_addr else ""


def made_known(host: Host, facts: HostFacts) -> str:
    """Return what ends that the swarm knows *host* by another address than declared."""
    if host.advertise_addr not in facts.system.addresses:
        return to_declare(host, "swarm_advertise_addr", facts)
    return f"swarmkit node drain {host.name}; on {host.name}: docker swarm leave; then: swarmkit up"


def to_declare(host: Host, key: str, facts: HostFacts) -> str:
    """Return the line for *host* in the inventory, with the first of its addresses that no engine has made."""
    made = ("lo", "docker", "br-", "veth", "virbr")
    own = [address for address, device in facts.system.addresses.items() if not device.startswith(made)]
    place = f" ({host.place})" if host.place else ""
    return f"in the inventory, for {host.name}{place}: {key}: {next(iter(own), 'ADDRESS')}"
