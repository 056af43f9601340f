"""What reaches the hosts from outside, and what is seen on the cable between them."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path

import pytest
from lab.spare_lab import SpareLab

from swarmkit import lab as room

pytestmark = pytest.mark.lab

# A listener that ends each connection with a line, from what a host has: bash has no server, curl and sshd have.
SERVE = "systemd-run --unit={unit} systemd-socket-activate -l {address} --inetd -a /bin/echo from $(hostname)"


def test_ports_that_a_host_opens_are_published_and_withdrawn(spare_lab: SpareLab) -> None:
    spare_lab.run("X", SERVE.format(unit="hello", address="0.0.0.0:8080"))
    _eventually(lambda: 8080 in room.host_status(spare_lab.places, "X")["ports"])
    assert _read("127.88.0.34", 8080) == b"from X\n"
    spare_lab.run("X", "systemctl stop hello")
    _eventually(lambda: 8080 not in room.host_status(spare_lab.places, "X")["ports"])
    with pytest.raises(ConnectionRefusedError):
        _read("127.88.0.34", 8080)


def test_loopback_listeners_are_not_published(spare_lab: SpareLab) -> None:
    spare_lab.run("X", SERVE.format(unit="private", address="127.0.0.1:8081"))
    spare_lab.run("X", SERVE.format(unit="later", address="0.0.0.0:8082"))
    # The host has told its ports since.
    _eventually(lambda: 8082 in room.host_status(spare_lab.places, "X")["ports"])
    assert 8081 not in room.host_status(spare_lab.places, "X")["ports"]
    spare_lab.run("X", "systemctl stop private later")


def test_large_stream_arrives_whole(spare_lab: SpareLab) -> None:
    call = room.ssh_command(spare_lab.places, room.host_status(spare_lab.places, "Y"), ["sha256sum"])
    data = bytes(range(256)) * (1 << 15)
    remote = subprocess.run(call, input=data, capture_output=True, check=True).stdout.split()[0]
    local = subprocess.run(["sha256sum"], input=data, capture_output=True, check=True).stdout.split()[0]
    assert remote == local


def test_capture_counts_frames_by_kind_and_writes_a_readable_pcap(spare_lab: SpareLab, tmp_path: Path) -> None:
    spare_lab.run("X", ESP_AND_VXLAN)
    spare_lab.run("X", "systemd-run --unit=pings ping -i 0.2 192.0.2.2")
    spare_lab.run("X", "systemd-run --unit=clear ping -i 0.2 198.51.100.2")
    counted = json.loads(
        spare_lab.swarmkit("lab", "capture", "--seconds", "3", "--json", "--pcap", str(tmp_path / "c.pcap")).stdout
    )
    assert counted["vxlan_by_vni"].get("4242", 0) >= 3
    assert counted["esp"] >= 3
    read = spare_lab.run("X", "tcpdump -nr -", stdin=(tmp_path / "c.pcap").read_bytes()).stdout
    assert "VXLAN, flags [I] (0x08), vni 4242" in read
    assert "ESP(spi=0x00000099" in read
    spare_lab.run("X", "systemctl stop pings clear; ip link del vx0; ip xfrm policy flush; ip xfrm state flush")


# VNI 4242 in clear by a VXLAN device; ESP for another address by a state and a policy: nobody answers, frames are sent.
ESP_AND_VXLAN = """
ip link add vx0 type vxlan id 4242 remote 10.88.0.35 dstport 4789 dev vec0 &&
ip address add 198.51.100.1/24 dev vx0 && ip link set vx0 up &&
ip neigh replace 198.51.100.2 lladdr 02:00:00:00:00:02 dev vx0 &&
ip xfrm state add src 10.88.0.34 dst 10.88.0.35 proto esp spi 0x99 mode tunnel \
    aead 'rfc4106(gcm(aes))' 0x0102030405060708090a0b0c0d0e0f1011121314 64 &&
ip xfrm policy add dst 192.0.2.0/24 dir out tmpl src 10.88.0.34 dst 10.88.0.35 proto esp spi 0x99 mode tunnel
"""


def _read(address: str, port: int) -> bytes:
    with socket.create_connection((address, port), timeout=10) as connection:
        return connection.makefile("rb").read()


def _eventually(holds: object, timeout_seconds: float = 10) -> None:
    assert callable(holds)
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
