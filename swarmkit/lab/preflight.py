"""Say before anything starts what this machine lacks for a lab."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab.packages import TOOLS, all_packages, missing_tools

OWN_HOSTS = "or use your own hosts: give `swarmkit up -i` an inventory of them; they need SSH and a Docker engine only"
TUN = Path("/dev/net/tun")


def check_machine() -> None:
    """Raise SwarmkitError unless this machine can run a lab."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise SwarmkitError(
            "the lab runs on Linux x86-64 only",
            f"this is {platform.system()} {platform.machine()}; its hosts are User-Mode Linux kernels for x86-64",
            OWN_HOSTS,
        )
    if os.geteuid() != 0:
        raise SwarmkitError(
            "the lab needs root",
            "it makes a network namespace of its own, builds a disk image and listens on port 22 of 127.88.0.N",
            f"run it with sudo, {OWN_HOSTS}",
        )
    require_tools(TOOLS)
    if not os.access(TUN, os.R_OK | os.W_OK):
        raise SwarmkitError(
            f"{TUN} is missing or closed to this user",
            "each lab host's cable is a tap device",
            f"load the module with `modprobe tun` (in a container: pass {TUN} in), {OWN_HOSTS}",
        )


def require_tools(tools: Iterable[str]) -> None:
    """Raise SwarmkitError naming the install command when one of *tools* is missing."""
    if missing := missing_tools(tools):
        raise SwarmkitError(
            f"missing on this machine: {', '.join(missing)}",
            "the lab builds and runs its hosts with Debian's own tools",
            f"apt-get install -y --no-install-recommends {' '.join(all_packages())}",
        )
