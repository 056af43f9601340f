"""A second small lab, for tests that cut the hosts' power or wipe their disks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.groups import after_group

from swarmkit import lab as room
from swarmkit.lab import LabHost, Places

ENGINES = pytest.mark.parametrize(
    "spare_lab",
    [pytest.param(None, id="26.1"), pytest.param("20.10", marks=pytest.mark.nightly)],
    indirect=True,
    scope="session",
)
"""Mark of a test that the nightly run tries on the older engine too; None is the lab that the other tests have."""

INVENTORY = """
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {state}/id_ed25519
    swarm_known_hosts: {state}/known_hosts
    swarm_cluster: {cluster}
    swarm_address_pools: [10.20.0.0/16]
  children:
    managers:
      hosts:
        X: {{ansible_host: 127.88.0.34, swarm_advertise_addr: 10.88.0.34}}
    workers:
      hosts:
        Y: {{ansible_host: 127.88.0.35, ansible_port: 2222, swarm_advertise_addr: 10.88.0.35}}
"""

LEFT = """
for try in 1 2 3 4 5 6 7 8 9 10; do
    kept=$(docker network ls -q --filter scope=swarm; ss -Hlntu 'sport = :7946')
    test -z "$kept" && break
    sleep 0.2
done
test -z "$kept"
"""
"""Whether the engine gave up what it had of a swarm: it keeps the ingress network or the gossip's sockets sometimes."""


@dataclass(frozen=True)
class SpareLab:
    """Hosts X and Y by the room's own functions, without an inventory."""

    places: Places
    state_home: Path
    """XDG_STATE_HOME of this lab."""

    def run(
        self, host: str, command: str, *, check: bool = True, timeout_seconds: float = 120, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host as root."""
        call = room.ssh_command(self.places, self.status(host), [command])
        done = subprocess.run(call, input=stdin, capture_output=True, timeout=timeout_seconds, check=False)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == 0 or not check, f"{host}: {command}\n{out}{err}"
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def leave_swarm(self, host: str) -> None:
        """Take a host out of its swarm, if it is in one, without what the engine may keep of it: see LEFT."""
        self.run(host, "docker swarm leave --force", check=False)
        self.run(host, f"{LEFT.strip()} || {{ systemctl reset-failed docker; systemctl restart docker; }}")

    def swarmkit(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line with this lab's environment."""
        result = subprocess.run(
            [sys.executable, "-c", "from swarmkit.cli.main import main; main()", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(self.state_home)},
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert result.returncode == 0 or not check, f"swarmkit {arguments}\n{result.stdout}{result.stderr}"
        return result

    def inventory(self, cluster: str) -> str:
        """Return an inventory of both hosts: X is the manager."""
        return INVENTORY.format(state=self.places.state, cluster=cluster)

    def status(self, host: str) -> room.HostStatus:
        return room.host_status(self.places, host)


def spare_hosts(engine: str = "26.1") -> tuple[LabHost, ...]:
    return (
        LabHost("X", 34, engine=engine, memory_megabytes=640),
        LabHost("Y", 35, ssh_port=2222, engine=engine, memory_megabytes=640),
    )


@pytest.fixture(scope="session")
def spare_lab(request: pytest.FixtureRequest) -> Iterator[SpareLab]:
    """Hosts X and Y, engines ready; each test leaves them so. Disk images come from the user's cache."""
    with tempfile.TemporaryDirectory(prefix="swarmkit-spare-lab-") as folder:
        places = Places(state=Path(folder) / "swarmkit" / "lab", cache=Places.from_environment().cache)
        after_group(request, lambda: room.down(places))
        try:
            room.up(places, spare_hosts(getattr(request, "param", None) or "26.1"))
            yield SpareLab(places, Path(folder))
        finally:
            room.down(places)
