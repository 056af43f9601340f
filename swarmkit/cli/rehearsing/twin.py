"""A lab twin: hosts of the lab with the names, roles and labels of an inventory's, and addresses of their own."""

from __future__ import annotations

import errno
import ipaddress
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from swarmkit import lab as room
from swarmkit.cli.lab import lab_host
from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.lab.hosts import DATA_NETWORK, LOOPBACK_NETWORK

_NUMBERS = range(201, 251)
_SSH_PORTS = (22, 2222)
_DATA = ipaddress.ip_network(f"{DATA_NETWORK}.0/24")


@contextmanager
def twin_of(inventory: Inventory, tell: Callable[[str], None]) -> Iterator[Inventory]:
    """Boot a host for each of *inventory*'s, yield the inventory of those, and end and remove them afterwards.

    They are in a lab of their own beside any other, in a network namespace that no real host can be reached from.
    """
    found = room.Places.from_environment()
    places = room.Places(state=found.state.parent / "rehearsal", cache=found.cache)
    if room.status(places):
        raise SwarmkitError(
            "another rehearsal is under way", f"its hosts run from {places.state}", "wait until it has ended"
        )
    hosts = lab_hosts_for(inventory)
    try:
        room.up(places, hosts, tell)
        yield twin_inventory(inventory, hosts, places)
    finally:
        room.down(places)
        shutil.rmtree(places.state, ignore_errors=True)


def lab_hosts_for(inventory: Inventory) -> list[room.LabHost]:
    """Return a lab host for each of *inventory*'s, on numbers and a port that nothing listens on."""
    taken = {host.address for host in inventory.hosts}
    numbers = iter([number for number in _NUMBERS if f"{LOOPBACK_NETWORK}.{number}" not in taken])
    port = next((port for port in _SSH_PORTS if all(_is_free(number, port) for number in _NUMBERS)), None)
    if port is None or len(inventory.hosts) > len(_NUMBERS) - len(inventory.hosts):
        raise SwarmkitError(
            f"no addresses for a twin of {len(inventory.hosts)} hosts",
            f"{LOOPBACK_NETWORK}.{_NUMBERS[0]} to {_NUMBERS[-1]} are in use on ports {_SSH_PORTS}",
            "end what listens there: another lab, for one",
        )
    return [lab_host(host.name, next(numbers), port, host.variables, None) for host in inventory.hosts]


def _is_free(number: int, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((f"{LOOPBACK_NETWORK}.{number}", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
        return True


def twin_inventory(inventory: Inventory, hosts: list[room.LabHost], places: room.Places) -> Inventory:
    """Return *inventory* with *hosts* in the place of its own."""
    twins = tuple(_host(host, lab, places) for host, lab in zip(inventory.hosts, hosts, strict=True))
    pools = tuple(pool for pool in inventory.address_pools if not ipaddress.ip_network(pool).overlaps(_DATA))
    return replace(inventory, hosts=twins, address_pools=pools, known_hosts=places.known_hosts, ssh_config=None)


def _host(host: Host, lab: room.LabHost, places: room.Places) -> Host:
    return Host(
        host.name,
        lab.address,
        host.role,
        port=lab.ssh_port,
        user="root",
        key_file=places.private_key,
        advertise_addr=lab.data_address,
        labels=host.labels,
        availability=host.availability,
        variables=host.variables,
        place=host.place,
    )
