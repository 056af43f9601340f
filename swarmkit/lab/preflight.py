"""Say before anything starts what this machine lacks for a lab."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from swarmkit.errors import SwarmkitError
from swarmkit.lab.hosts import LabHost
from swarmkit.lab.packages import TOOLS, all_packages, missing_tools

OWN_HOSTS = "or use your own hosts: give `swarmkit up -i` an inventory of them; they need SSH and a Docker engine only"
TUN = Path("/dev/net/tun")
UNPRIVILEGED_PORTS = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


def check_machine(hosts: Sequence[LabHost]) -> None:
    """Raise SwarmkitError unless this machine can run these hosts."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "amd64"):
        raise SwarmkitError(
            "the lab runs on Linux x86-64 only",
            f"this is {platform.system()} {platform.machine()}; its hosts are User-Mode Linux kernels for x86-64",
            OWN_HOSTS,
        )
    require_tools(TOOLS)
    _check_tun()
    if os.geteuid() != 0:
        _check_without_root(hosts)


def _check_tun() -> None:
    why = "each lab host's cable is a tap device"
    if not TUN.exists():
        raise SwarmkitError(
            f"the lab needs {TUN}, which is missing", why,
            f"as root: modprobe tun (in a container: pass {TUN} in); {OWN_HOSTS}",
        )  # fmt: skip
    if not os.access(TUN, os.R_OK | os.W_OK):
        raise SwarmkitError(
            f"the lab needs {TUN}, which is closed to this user", why,
            f"run it as root; or open it to all users, as most distributions do: chmod 0666 {TUN}; {OWN_HOSTS}",
        )  # fmt: skip


def _check_without_root(hosts: Sequence[LabHost]) -> None:
    make_namespaces = ["unshare", "--user", "--map-root-user", "--net", "true"]
    if subprocess.run(make_namespaces, capture_output=True, check=False).returncode:
        raise SwarmkitError(
            "the lab needs root on this machine",
            "it keeps users from making user and network namespaces of their own",
            f"run it as root; {OWN_HOSTS}",
        )
    first = int(UNPRIVILEGED_PORTS.read_text())
    if low := [host for host in hosts if host.ssh_port < first]:
        raise SwarmkitError(
            f"without root the lab cannot listen on port {low[0].ssh_port} for {low[0].name}",
            f"ports below {first} are root's ({UNPRIVILEGED_PORTS})",
            f"run it as root, or write `ansible_port: 2222` into the inventory; {OWN_HOSTS}",
        )


def require_tools(tools: Iterable[str]) -> None:
    """Raise SwarmkitError naming the install command when one of *tools* is missing."""
    if missing := missing_tools(tools):
        raise SwarmkitError(
            f"missing on this machine: {', '.join(missing)}",
            "the lab builds and runs its hosts with Debian's own tools",
            f"apt-get install -y --no-install-recommends {' '.join(all_packages())}",
        )
