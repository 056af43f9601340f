"""Images from the operator's own engine; a lab host's engine stands for it, forwarded to a local socket."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab.shop_lab import Shop

pytestmark = pytest.mark.lab


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


def test_an_image_of_the_local_engine_is_planned_for_the_hosts_that_lack_it(
    deployed_shop: Shop, local_socket: Path, tmp_path: Path
) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text(
        "services:\n  copy:\n    image: shop-backend:1.0\n"
        "    deploy: {placement: {constraints: [node.labels.role == frontend]}}\n"
    )
    lab = deployed_shop.lab
    environment = {
        **lab.environment,
        "DOCKER_HOST": f"unix://{local_socket}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    arguments = ("plan", "-i", lab.inventory, "-f", stack, "--stack", "copy")
    with_engine = replace(lab, environment=environment).swarmkit(*arguments)
    assert with_engine.returncode == 0, with_engine.stderr
    assert "A  send shop-backend:1.0" in with_engine.stdout
    without = lab.swarmkit(*arguments)
    assert "send shop-backend" not in without.stdout
