"""Images from the operator's own engine; a lab host's engine stands for it, forwarded to a local socket."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab.shop_lab import Shop
from lab.test_node_life import IMAGE

pytestmark = pytest.mark.lab

STACK = """
services:
  sleeper:
    image: idle:1
    entrypoint: [/bin/sleep, "100000"]
    stop_grace_period: 1s
    deploy: {placement: {constraints: [node.labels.role == frontend]}}
"""


@pytest.fixture
def local_socket(deployed_shop: Shop, tmp_path: Path) -> Iterator[Path]:
    """The engine of host B, which has the backend's image, as a socket on this machine."""
    socket = tmp_path / "engine.sock"
    state = deployed_shop.lab.state
    options = ["-o", f"UserKnownHostsFile={state / 'known_hosts'}", "-i", str(state / "id_ed25519"), "-N"]
    forward = ["-L", f"{socket}:/var/run/docker.sock", "root@127.88.0.32"]
    process = subprocess.Popen(["ssh", *options, *forward])
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            assert time.monotonic() < deadline, "no forwarded socket"
            time.sleep(0.1)
        yield socket
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def own_image(deployed_shop: Shop) -> Iterator[str]:
    """An image that host B's engine alone has, small, for it crosses the line twice."""
    lab = deployed_shop.lab
    lab.run("B", IMAGE)
    yield "idle:1"
    for host in "AB":
        lab.run(host, "docker image rm -f idle:1")


def test_an_image_of_the_local_engine_is_sent_to_the_host_that_lacks_it_and_runs_there(
    deployed_shop: Shop, local_socket: Path, own_image: str, tmp_path: Path
) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text(STACK)
    lab = deployed_shop.lab
    engine = {"DOCKER_HOST": f"unix://{local_socket}", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with_engine = replace(lab, environment={**lab.environment, **engine})
    declared = ("-i", lab.inventory, "-f", stack, "--stack", "copy")
    assert f"send {own_image}" not in lab.swarmkit("plan", *declared).stdout
    assert not lab.run("A", f"docker image ls -q {own_image}").strip()
    try:
        up = with_engine.swarmkit("up", "--yes", "--no-verify", *declared)
        assert up.returncode == 0, up.stdout + up.stderr
        assert f"A  send {own_image}" in up.stdout
        identity = lab.run("B", f"docker image ls -q --no-trunc {own_image}").strip()
        running = "docker ps --filter name=copy_sleeper --format '{{.Image}} {{.State}}' --no-trunc"
        assert lab.run("A", running).split() == [identity, "running"]
    finally:
        down = with_engine.swarmkit("down", "--keep-swarm", "--confirm", "lab", *declared)
    assert down.returncode == 0, down.stdout + down.stderr
    assert not lab.run("A", "docker ps -aq --filter name=copy_sleeper").strip()
