"""A lab twin: hosts of the lab with the names, roles and labels of an inventory's, and addresses of their own."""

from __future__ import annotations

import errno
import fcntl
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
    places = _places()
    with _alone(places) as is_alone:
        if not is_alone:
            raise SwarmkitError(
                "another rehearsal is under way", f"its hosts run from {places.state}", "wait until it has ended"
            )
        _end(places, tell)
        hosts = lab_hosts_for(inventory)
        try:
            room.up(places, hosts, tell)
            yield twin_inventory(inventory, hosts, places)
        finally:
            room.down(places)
            shutil.rmtree(places.state, ignore_errors=True)


def end_what_was_left(tell: Callable[[str], None]) -> bool:
    """End and remove the twin of a rehearsal that was killed, and tell whether there was one."""
    places = _places()
    if not places.state.exists():
        return False
    with _alone(places) as is_alone:
        return is_alone and _end(places, tell)


def _places() -> room.Places:
    found = room.Places.from_environment()
    return room.Places(state=found.state.parent / "rehearsal", cache=found.cache)


@contextmanager
def _alone(places: room.Places) -> Iterator[bool]:
    """Yield whether no other rehearsal is under way, and let none begin meanwhile; the lock ends with its process."""
    places.state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (places.state.parent / "rehearsal.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _end(places: room.Places, tell: Callable[[str], None]) -> bool:
    """End what a rehearsal that was killed has left: its hosts have the CA's key, all secrets and the data in clear."""
    if not places.state.exists():
        return False
    room.down(places)
    shutil.rmtree(places.state, ignore_errors=True)
    if places.state.exists():
        what = "the twin that a killed rehearsal has left cannot be removed"
        raise SwarmkitError(what, "its disks hold secrets and data in clear", f"sudo rm -r {places.state}")
    tell("a rehearsal that was killed had left its twin: ended and removed")
    return True


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
    """Return *inventory* with *hosts* in the place of its own, and without those that shall leave: they are real."""
    twins = tuple(_host(host, lab, places) for host, lab in zip(inventory.hosts, hosts, strict=True))
    pools = tuple(pool for pool in inventory.address_pools if not ipaddress.ip_network(pool).overlaps(_DATA))
    made = replace(inventory, hosts=twins, leaving=(), address_pools=pools)
    return replace(made, known_hosts=places.known_hosts, ssh_config=None)


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
