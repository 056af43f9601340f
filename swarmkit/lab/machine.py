"""One lab host as a process: a User-Mode Linux kernel on its copy-on-write disk, in a PID namespace of its own.

unshare(1) is the kernel's parent. The kernel is process 1 of that PID namespace, so ending it ends all of its guest
processes. Both carry a parent-death signal: when the supervisor dies, even by SIGKILL, the hosts die with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from swarmkit.lab.hosts import GATEWAY, LabHost
from swarmkit.lab.namespace import tap_name
from swarmkit.lab.places import HostPlaces

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel makes its memory file there and unlinks it at once


@dataclass(frozen=True)
class Boot:
    """What it takes to start a host: which disk and kernel, and where its files are."""

    host: LabHost
    files: HostPlaces
    base: Path
    kernel: Path
    others_megabytes: int = 0
    """What the lab's other hosts may take of the machine's memory."""


class Machine:
    """A running kernel."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def kernel_pid(self) -> int | None:
        """The kernel's process, None before it has started."""
        parent = self._process.pid
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            return None
        return int(children[0]) if children else None

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        descriptor = os.pidfd_open(self._process.pid)
        loop.add_reader(descriptor, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return self._process.wait()

    def cut_power(self) -> None:
        """Kill the kernel at once, as a power failure does."""
        # Killing unshare's child, not unshare: unshare then ends only after the whole PID namespace is gone.
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.kernel_pid or self._process.pid, number)


def launch(boot: Boot) -> Machine:
    """Start the host's kernel; called inside the lab's network namespace."""
    with boot.files.console.open("wb") as console:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--"),
                *("unshare", "--pid", "--fork", "--kill-child=KILL", "--"),
                # The library path is the kernel's alone: unshare and setpriv run with this machine's libc.
                *("env", "LD_LIBRARY_PATH=lib", "./linux"),
                *kernel_arguments(boot),
            ],
            cwd=boot.kernel,
            env=_environment(boot),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
    return Machine(process)


def kernel_arguments(boot: Boot) -> list[str]:
    """Return the kernel's command line; words it does not know reach the guest's init as environment."""
    host = boot.host
    return [
        f"umid={host.number}",
        f"uml_dir={boot.files.folder}/",
        f"ubd0={boot.files.disk},{boot.base}",
        "root=/dev/ubda",
        "rw",
        # The disk was made without zeroed inode tables; zeroing them in the background would fill the disk's file.
        "rootflags=noinit_itable",
        f"mem={host.memory_megabytes}M",
        "init=/usr/local/sbin/swarmkit-lab-init",
        "con=null",
        # Without ptrace where the kernel (6.16 or newer) and this machine can: half the cost of starting a process.
        "seccomp=auto",
        "con0=null,fd:1",
        # A kernel that reboots itself finds its tap taken and has no network: it ends instead, and is started anew.
        "noreboot",
        "panic=1",
        "quiet",
        "systemd.show_status=0",
        f"hostfs={boot.files.seed}",
        f"vec0:transport=tap,ifname={tap_name(host)},depth=128,gro=1,mac=52:54:00:58:00:{host.number:02x}",
        f"lab_name={host.name}",
        f"lab_address={host.data_address}",
        f"lab_gateway={GATEWAY}",
    ]


def _environment(boot: Boot) -> dict[str, str]:
    environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    # The guest's memory is a file in TMPDIR; on a disk everything is slower. A container's /dev/shm has 64 MB: a guest
    # that touches more of its memory than there is room for is killed.
    # Others of the lab may not have touched theirs yet.
    # Without TMPDIR the kernel takes /dev/shm by itself.
    has_room = _SHARED_MEMORY.is_dir() and os.access(_SHARED_MEMORY, os.W_OK) and _has_room(boot)
    return {**environment, "TMPDIR": str(_SHARED_MEMORY if has_room else boot.files.folder)}


def _has_room(boot: Boot) -> bool:
    """Tell whether the shared memory's file system has room for the host now, and for all of the lab's at once."""
    usage, megabytes = shutil.disk_usage(_SHARED_MEMORY), boot.host.memory_megabytes
    return usage.free >= megabytes << 20 and usage.total >= (megabytes + boot.others_megabytes) << 20
