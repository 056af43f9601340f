"""The twin of an inventory: like it in all but how it is reached."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from swarmkit import lab as room
from swarmkit.cli.rehearsing import twin
from swarmkit.declared.inventory.host import Host, Inventory, JumpHost
from swarmkit.errors import SwarmkitError

REAL = Inventory(
    Path("prod.yaml"),
    "prod",
    (
        Host("web", "198.51.100.7", "manager", user="admin", become=True, jumps=(JumpHost("gate"),),
             labels={"rack": "7"}, variables={"lab_memory": 768}),
        Host("db", "127.88.0.201", "worker", availability="drain", advertise_addr="10.88.0.201"),
    ),
    address_pools=("10.20.0.0/16", "10.88.0.0/16"),
    ssh_config=Path("~/.ssh/config"),
)  # fmt: skip
PLACES = room.Places(Path("/state/rehearsal"), Path("/cache"))


def test_a_twin_has_the_names_roles_and_labels_and_no_way_to_a_real_host() -> None:
    hosts = twin.lab_hosts_for(REAL)
    made = twin.twin_inventory(REAL, hosts, PLACES)
    assert [(host.name, host.role, dict(host.labels), host.availability) for host in made.hosts] == [
        ("web", "manager", {"rack": "7"}, "active"),
        ("db", "worker", {}, "drain"),
    ]
    assert hosts[0].memory_megabytes == 768
    for host in made.hosts:
        assert room.number_of(host.address) is not None
        assert (host.user, host.become, host.jumps, host.key_file) == ("root", False, (), PLACES.private_key)
    assert (made.known_hosts, made.ssh_config) == (PLACES.known_hosts, None)
    # The lab host that the inventory itself names is another one.
    assert not {host.address for host in made.hosts} & {host.address for host in REAL.hosts}
    # The hosts of the twin have their own addresses in the second one.
    assert made.address_pools == ("10.20.0.0/16",)


def test_addresses_that_are_in_use_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.88.0.205", 0)) as taken:
        monkeypatch.setattr(twin, "_SSH_PORTS", (taken.getsockname()[1],))
        with pytest.raises(SwarmkitError, match="no addresses for a twin of 2 hosts"):
            twin.lab_hosts_for(replace(REAL))
