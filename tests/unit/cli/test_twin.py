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


def test_a_twin_has_no_absent_hosts_which_are_real_ones() -> None:
    """`up` asks those as well: on a twin it went on by the real one, and by the swarm that this was still in."""
    real = replace(REAL, leaving=(Host("old", "198.51.100.9", "manager"),))
    made = twin.twin_inventory(real, twin.lab_hosts_for(real), PLACES)
    assert made.with_leaving.hosts == made.hosts


def test_addresses_that_are_in_use_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.88.0.205", 0)) as taken:
        monkeypatch.setattr(twin, "_SSH_PORTS", (taken.getsockname()[1],))
        with pytest.raises(SwarmkitError, match="no addresses for a twin of 2 hosts"):
            twin.lab_hosts_for(replace(REAL))


class Lab:
    """What a rehearsal does with its lab, which boots nothing here."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.did, self.told = state / "swarmkit" / "rehearsal", list[str](), list[str]()
        monkeypatch.setenv("XDG_STATE_HOME", str(state))
        monkeypatch.setattr(room, "up", self.up)
        monkeypatch.setattr(room, "down", lambda _: self.did.append("down"))

    def up(self, places: room.Places, *_: object) -> None:
        assert places.state == self.state
        assert not self.state.exists()
        self.state.mkdir(parents=True)
        self.did.append("up")

    def rehearsed(self) -> None:
        with twin.twin_of(REAL, self.told.append):
            self.did.append("rehearsed")


def test_a_twin_that_a_killed_rehearsal_has_left_is_ended_before_the_next_one_boots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, monkeypatch)
    (lab.state / "hosts").mkdir(parents=True)
    (lab.state / "hosts" / "disk").touch()
    lab.rehearsed()
    assert lab.did == ["down", "up", "rehearsed", "down"]
    assert lab.told == ["a rehearsal that was killed had left its twin: ended and removed"]
    assert not lab.state.exists()
    lab.rehearsed()
    assert len(lab.told) == 1


def test_lab_down_ends_what_a_killed_rehearsal_has_left_and_no_one_that_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(tmp_path, monkeypatch)
    assert not twin.end_what_was_left(lab.told.append)
    with twin.twin_of(REAL, lab.told.append):
        assert not twin.end_what_was_left(lab.told.append)
        with pytest.raises(SwarmkitError, match="another rehearsal is under way"):
            lab.rehearsed()
        assert lab.state.exists()
    lab.state.mkdir()
    assert twin.end_what_was_left(lab.told.append)
    assert not lab.state.exists()
