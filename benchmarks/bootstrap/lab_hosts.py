"""The lab's three hosts, and what has to be done to them between two runs."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
INVENTORY = HERE / "inventory.yaml"
SERVICES = ("database", "backend", "frontend")
SSH_ADDRESSES = {"A": "127.88.0.71", "B": "127.88.0.72", "C": "127.88.0.73"}
DATA_ADDRESSES = {"A": "10.88.0.71", "B": "10.88.0.72", "C": "10.88.0.73"}

QUIET_BUSY_SHARE = 0.30
QUIET_WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class LabHosts:
    """The hosts of a lab of the benchmark's own, whose keys and disks are under *state*."""

    swarmkit: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.state)}

    @property
    def key(self) -> Path:
        return self.state / "swarmkit" / "lab" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "swarmkit" / "lab" / "known_hosts"

    def boot(self) -> None:
        self._lab("up", "-i", str(INVENTORY))

    def shut_down(self) -> None:
        self._lab("down")

    def run(self, host: str, script: str) -> str:
        """Run *script* on *host* and return what it printed."""
        options = ["-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "BatchMode=yes"]
        command = ["ssh", *options, f"root@{SSH_ADDRESSES[host]}", script]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def image_ids(self) -> dict[str, str]:
        """Return service -> image ID, as each service's host knows it."""
        homes = {"frontend": "A", "backend": "B", "database": "C"}
        return {
            service: self.run(host, f"docker image inspect --format '{{{{.Id}}}}' shop-{service}:1.0").strip()
            for service, host in homes.items()
        }

    def reset(self) -> float:
        """Make bare hosts of them again, with the images, and wait for quiet; return how busy the machine still is."""
        script = (HERE / "reset.sh").read_text()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: self.run(host, script), SSH_ADDRESSES))
        time.sleep(3)
        return wait_until_quiet()

    def check(self) -> None:
        """Raise unless all three services run 1/1 and the page answers with products."""
        listed = self.run("A", "docker service ls --format '{{.Name}} {{.Replicas}}'")
        replicas = {line.split()[0]: line.split()[1] for line in listed.splitlines()}
        if replicas != {f"shop_{service}": "1/1" for service in SERVICES}:
            raise RuntimeError(f"not all services run: {replicas}")
        with urllib.request.urlopen(f"http://{SSH_ADDRESSES['A']}:8080/api/products", timeout=20) as answer:
            if not json.load(answer):
                raise RuntimeError("the shop has no products")

    def _lab(self, *arguments: str) -> None:
        subprocess.run([self.swarmkit, "lab", *arguments], check=True, env=self.environment)


def wait_until_quiet() -> float:
    """Wait until the machine does little else, but not for ever; return the share of its time that was busy last."""
    deadline = time.monotonic() + QUIET_WAIT_SECONDS
    while True:
        share = _busy_share()
        if share <= QUIET_BUSY_SHARE or time.monotonic() > deadline:
            return share


def _busy_share(seconds: float = 2.0) -> float:
    idle_before, all_before = _processor_times()
    time.sleep(seconds)
    idle, total = _processor_times()
    return 1 - (idle - idle_before) / max(1, total - all_before)


def _processor_times() -> tuple[int, int]:
    times = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return times[3] + times[4], sum(times)
