"""Two hosts with the firewalls of Debian: trees of their own in namespaces of this machine, on this machine's kernel.

The lab's kernel has no nftables. Nothing of the machine's own changes: each host writes to a layer in memory.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fakes.swarm import FakeShell, fake_fleet
from lab.namespaces import ADDRESS, cable, inside, namespace, run

from swarmkit.declared.inventory.host import Host
from swarmkit.lab.image.debian import Recipe, bootstrap
from swarmkit.reach.fleet import Fleet
from swarmkit.reach.ssh import CommandResult

RECIPE = Recipe("trixie", ("dbus-daemon", "firewalld", "iproute2", "iptables", "nftables", "ufw"))
_BOOT = """
mount -t tmpfs none /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
for part in proc sys dev; do mount --rbind "/$part" "/mnt/root/$part"; done
mount -t tmpfs none /mnt/root/run
exec chroot /mnt/root sh -c 'echo up; exec sleep infinity'
"""


def debian_tree() -> Path:
    """Return the tree that the hosts are made of, bootstrapped once and kept in the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    tree = cache / "swarmkit" / f"firewalls-{RECIPE.suite}"
    if not tree.exists():
        begun = tree.with_name(f"{tree.name}.begun-{os.getpid()}")
        try:
            bootstrap(begun, RECIPE, print, threading.Event())
            begun.rename(tree)
        finally:
            shutil.rmtree(begun, ignore_errors=True)
    return tree


@contextmanager
def firewalled_hosts() -> Iterator[Fleet]:
    """Boot ``left`` and ``right``, joined by a cable; they and what runs in them are gone at the end."""
    fleet = fake_fleet(Host(name, address, "manager") for name, address in ADDRESS.items())
    with cable(), ExitStack() as hosts:
        for name, reached in fleet.items():
            assert isinstance(reached.shell, FakeShell)
            reached.shell.answer = functools.partial(_run_in, hosts.enter_context(_booted(name)))
        yield fleet


def _run_in(pid: int, script: str, arguments: tuple[str, ...]) -> CommandResult:
    done = subprocess.run(
        ["nsenter", f"--target={pid}", "--net", "--mount", "--root", "--wd", "bash", "-s", "--", *arguments],
        input=script, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return CommandResult(done.returncode, done.stdout, done.stderr)


@contextmanager
def _booted(name: str) -> Iterator[int]:
    """Boot the host *name*; yield its first process."""
    command = [*inside(name), "unshare", "--mount", "--propagation=private", "bash", "-ec", _BOOT, "boot"]
    with subprocess.Popen([*command, str(debian_tree())], stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout
            assert first.stdout.readline() == "up\n"
            yield first.pid
        finally:
            for pid in run("ip", "netns", "pids", namespace(name)).split():
                os.kill(int(pid), 9)


def words_for(firewall: str, remedy: str) -> Mapping[str, list[str]]:
    """Return by host the commands of *firewall* that *remedy* tells, as an operator would copy them."""
    found: dict[str, list[str]] = {}
    host = ""
    for line in remedy.splitlines():
        if line.startswith("on "):
            host, _, line = line[3:].partition(": " if ": " in line else ",")
        if line.split(maxsplit=1)[:1] == [firewall]:
            found.setdefault(host, []).extend(line.split(" && "))
    return found
