"""`swarmkit network` and `swarmkit run` as the tests use them."""

from __future__ import annotations

import json
import subprocess

from lab.shop_lab import Lab

# Answers every request with the address it came from.
SERVER = "require('http').createServer((q, r) => r.end(q.socket.remoteAddress)).listen(80)"


class Networks:
    """`swarmkit network` on a lab's hosts; ends the containers that a test starts."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.containers: list[tuple[str, str]] = []

    def network(self, verb: str, *arguments: str, code: int = 0) -> str:
        asked = ["--yes"] if verb not in ("ls", "inspect", "plan") else []
        done = self.lab.swarmkit("network", verb, "-i", self.lab.inventory, *asked, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if verb in ("ls", "inspect", "plan") and not code else done.stdout + done.stderr

    def start(self, name: str, network: str, *options: str) -> None:
        """Start a container on B that answers with the address a request came from."""
        self._start("B", name, network, *options, "--entrypoint", "node", "shop-backend:1.0", "-e", SERVER)

    def start_on_a(self, name: str, network: str, *options: str) -> dict[str, str]:
        """Start a container on A that waits to be told what to ask, and return its endpoint."""
        self._start("A", name, network, *options, "--entrypoint", "/bin/busybox", "shop-frontend:1.0", "sleep", "600")
        return self.endpoint("A", name, network)

    def _start(self, host: str, name: str, network: str, *words: str) -> None:
        self.containers.append((host, name))
        done = self.run(host, "-d", "--name", name, "--network", network, "--user", "root", *words)
        assert done.returncode == 0, done.stdout + done.stderr

    def url(self, host: str, container: str, network: str) -> str:
        return f"http://{self.endpoint(host, container, network)['IPAddress']}"

    def run(self, host: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how ``swarmkit run`` on *host* ended."""
        return self.lab.swarmkit("run", "--yes", "-i", self.lab.inventory, "--on", host, *arguments)

    def evaluate(self, container: str, expression: str) -> str:
        """Return what *expression* is in node inside a container on B."""
        return self.lab.run("B", "docker", "exec", container, "node", "-p", f'"{expression}"')

    def remove_containers(self) -> None:
        for host, name in self.containers:
            self.lab.run(host, "docker", "rm", "-f", name)
        self.containers.clear()

    def endpoint(self, host: str, container: str, network: str) -> dict[str, str]:
        (found,) = json.loads(self.lab.run(host, "docker", "inspect", container))
        endpoint: dict[str, str] = found["NetworkSettings"]["Networks"][network]
        return endpoint
