"""Two network namespaces of this machine, joined by a cable."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from swarmkit.doctor.model import Peer

ADDRESS = {"left": "192.0.2.1", "right": "192.0.2.2"}
PEERS = {name: Peer(name, address, address, is_manager=True) for name, address in ADDRESS.items()}


def run(*command: str, said: str = "") -> str:
    """Return what *command* prints, to which *said* is its input; raises CalledProcessError."""
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def cable() -> Iterator[None]:
    """Make a namespace for each of ADDRESS; they are gone at the end."""
    names = [namespace(name) for name in ADDRESS]
    try:
        for name in names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, ADDRESS.values(), strict=True):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def inside(name: str) -> tuple[str, ...]:
    """Return the words before a command that is to run in the namespace *name*."""
    return ("nsenter", f"--net=/run/netns/{namespace(name)}")


def namespace(name: str) -> str:
    """Return how the namespace of *name* is called: other workers have theirs at the same time."""
    return f"ways-{name}-{os.getpid()}"
