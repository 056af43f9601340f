"""What bash tries of the ways where a host has no other language: run here, against closed ports of loopback."""

from __future__ import annotations

import os
import socket
import subprocess
from importlib import resources
from pathlib import Path

import pytest

SCRIPT = resources.files("swarmkit.doctor").joinpath("paths.sh").read_text()
PEERS = ("0,127.0.0.1,127.0.0.1,1", "1,127.0.0.2,127.0.0.2,1", "2,127.0.0.3,127.0.0.3,0")
PING = """#!/bin/bash
while (($# > 1)); do [[ $1 == -s ]] && size=$2; shift; done
case $1 in
    127.0.0.2) ((size + 28 <= 1450)) ;;
    *) true ;;
esac
"""
"""A path to the first that is too small; the other's carries all."""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    for name in ("bash", "sleep", "timeout"):
        (tmp_path / name).symlink_to(
            next(path for path in (Path("/bin", name), Path("/usr/bin", name)) if path.exists())
        )
    return tmp_path


def said(tools: Path) -> list[str]:
    command = ["bash", "-s", "--", "marker", "0", "3", "4789", "1500", *PEERS]
    environment = {**os.environ, "PATH": str(tools)}
    done = subprocess.run(
        command, input=SCRIPT, env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_every_peer_is_connected_to_and_managers_at_their_port_too(tools: Path) -> None:
    with socket.create_server(("127.0.0.2", 7946)):
        told = said(tools)
    assert (told[0], told[-1]) == ("bare", "end")
    refused = {f"tcp {way} Connection refused" for way in ("1 2377", "2 7946")}
    assert set(told[1:-1]) == {"tcp 1 7946 ok", *refused}


def test_sizes_that_come_back_are_told_where_ping_is_there(tools: Path) -> None:
    (tools / "ping").write_text(PING)
    (tools / "ping").chmod(0o755)
    pinged = {line for line in said(tools) if line.startswith("pinged ")}
    assert pinged == {"pinged 2 full", *(f"pinged 1 {size}" for size in (1450, 1420, 1400, 1380, 1280))}
